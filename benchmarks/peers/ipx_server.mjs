// ipx on a folder: node ipx_server.mjs PORT FOLDER. Many pictures at once, one thread for each.
import { createServer } from "node:http";
import { createIPX, createIPXNodeServer, ipxFSStorage } from "ipx";
import sharp from "sharp";

const [, , port, dir] = process.argv;
sharp.concurrency(1);
// As imagesvc encodes AVIF: ipx has no setting for it, and sharp's defaults take twenty times as long.
const { avif } = sharp.prototype;
sharp.prototype.avif = function (options) {
  return avif.call(this, { ...options, effort: 1, chromaSubsampling: "4:2:0" });
};
const ipx = createIPX({ storage: ipxFSStorage({ dir }), sharpOptions: { jpegProgressive: false } });
createServer(createIPXNodeServer(ipx)).listen(Number(port), "127.0.0.1");
