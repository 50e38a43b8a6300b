# docker build -t imagesvc .
# docker run -v imagesvc:/data -p 8000:8000 imagesvc

# Debian's SQLite has a bug that may damage databases: https://sqlite.org/wal.html#walresetbug
FROM python:3.11 AS sqlite
ADD --checksum=sha256:0e9483900e92cd5de8fd48d16bf9200145a61f7fd5be542a5ac81d8a9516eb9c \
    https://sqlite.org/2026/sqlite-autoconf-3530400.tar.gz /src/sqlite.tar.gz
RUN tar -xzf /src/sqlite.tar.gz -C /src --strip-components=1 \
 && gcc -O2 -fPIC -shared -Wl,-soname,libsqlite3.so.0 -DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_FTS5 \
    -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DBSTAT_VTAB \
    -o /libsqlite3.so.0 /src/sqlite3.c -lm -lpthread -ldl

FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY imagesvc imagesvc
RUN python -m venv /opt/imagesvc \
 && /opt/imagesvc/bin/pip install --no-cache-dir --disable-pip-version-check \
    --constraint constraints.txt '.[s3,otel,cluster]'

FROM python:3.11-slim
# A named volume at /data or /backups gets the owner of this directory at its first use; a bind mount
# needs `chown 10001:10001` once.
RUN groupadd --gid 10001 imagesvc \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin imagesvc \
 && install --directory --owner 10001 --group 10001 /data \
 && install --directory --owner 10001 --group 10001 --mode 0700 /backups
COPY --from=build /opt/imagesvc /opt/imagesvc
# The linker searches /usr/local/lib before Debian's directory.
COPY --from=sqlite /libsqlite3.so.0 /usr/local/lib/
RUN ldconfig && python -c "import sqlite3; assert sqlite3.sqlite_version == '3.53.4', sqlite3.sqlite_version"

# The first start prints the key of the user `admin` and the set-up link once; /data/admin.key keeps
# the key until it is used.
# With IMAGESVC_ADMIN_KEY_FILE, such as a mounted secret, it takes the key from there and prints none.
ENV PATH=/opt/imagesvc/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    IMAGESVC_DATA_DIR=/data \
    XDG_CACHE_HOME=/tmp \
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
