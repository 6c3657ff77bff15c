// A Node app that serves its dashboard under every reading a Node app may have of a path, and else says what it was
// told.
const http = require('http')
const path = require('path')
const legacy = require('url')

const readers = [
  (target) => target.split('?')[0],
  (target) => new URL(target, 'http://x').pathname,
  (target) => legacy.parse(target).pathname,
  (target) => decodeURIComponent(new URL(target, 'http://x').pathname),
  (target) => path.posix.normalize(decodeURIComponent(target.split('?')[0])),
  (target) => path.win32.normalize(decodeURIComponent(target.split('?')[0])).replaceAll('\\', '/'),
  (target) => unescape(target.split('?')[0]).toLowerCase(),
  (target) => target.split('?')[0].replace(/\/+/g, '/').replace(/\.\w+$/, ''),
]

http.createServer((req, res) => {
  let body = 'home\n'
  for (const read of readers) {
    try {
      if ((read(req.url) + '/').startsWith('/dashboard/')) body = 'the dashboard\n'
    } catch {} // no path to this reader
  }
  for (const [name, value] of Object.entries(req.headers)) body += `${name}=${value}\n`
  res.end(body)
}).listen(Number(process.argv[2]), '127.0.0.1')
