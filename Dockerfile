# docker build -t imagesvc .
# docker run -v imagesvc:/data -p 8000:8000 imagesvc

FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY imagesvc imagesvc
RUN python -m venv /opt/imagesvc \
 && /opt/imagesvc/bin/pip install --no-cache-dir --disable-pip-version-check \
    --constraint constraints.txt '.[s3]'

FROM python:3.11-slim
# The group and owner of /data come with the first use of a named volume; a bind mount needs
# `chown 10001:10001` once.
RUN groupadd --gid 10001 imagesvc \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin imagesvc \
 && install --directory --owner 10001 --group 10001 /data
COPY --from=build /opt/imagesvc /opt/imagesvc

# The first start prints the key of the user `admin` and the set-up link once; /data/admin.key keeps
# the key until it is used.
# With IMAGESVC_ADMIN_KEY_FILE, such as a mounted secret, it takes the key from there and prints none.
ENV PATH=/opt/imagesvc/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    IMAGESVC_DATA_DIR=/data \
    IMAGESVC_HOST=0.0.0.0 \
    IMAGESVC_LOG_FORMAT=json

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('IMAGESVC_PORT', '8000')}/healthz\", timeout=4)"]
ENTRYPOINT ["imagesvc"]
CMD ["serve"]
