import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { soon } from './world.mjs';

const dist = new URL('../dist/', import.meta.url);

const page = `<!doctype html><meta charset="utf-8"><title>parley-client</title><script type="module">
import * as parley from '/dist/index.js';
for (;;) {
  const { id, source, given } = await (await fetch('/next')).json();
  const result = { id };
  try {
    result.value = await (0, eval)('(' + source + ')')(parley, given);
  } catch (error) {
    result.error = { name: error.name, message: error.message, code: error.code, argument: error.argument };
  }
  await fetch('/result', { method: 'POST', body: JSON.stringify(result) });
}
</script>`;

/** A page in Debian's Chromium, of an origin of its own, that has the SDK. */
export async function browse() {
  const waiting = [], asking = [], running = new Map();
  let last = 0;
  const give = () => {
    while (waiting.length > 0 && asking.length > 0) asking.shift().end(JSON.stringify(waiting.shift()));
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://page');
    if (pathname === '/') return response.setHeader('Content-Type', 'text/html').end(page);
    if (pathname === '/next') {
      asking.push(response);
      return give();
    }
    if (pathname === '/result') {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const { id, value, error } = JSON.parse(Buffer.concat(chunks));
      const [resolve, reject] = running.get(id);
      if (error) reject(Object.assign(new Error(error.message), error));
      else resolve(value);
      return response.end();
    }
    try {
      const text = await readFile(new URL(pathname.replace(/^\/dist\//, ''), dist));
      response.setHeader('Content-Type', 'text/javascript').end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`, profile = await mkdtemp(path.join(tmpdir(), 'parley-browser-'));
  const chromium = spawn('chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
    `--user-data-dir=${profile}`, `${origin}/`], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let said = '';
  chromium.stderr.on('data', (text) => {
    said = (said + text).slice(-4000);
  });
  const gone = new Promise((_, reject) => {
    chromium.on('error', reject).on('exit', (code) => reject(new Error(`chromium ended with ${code}: ${said}`)));
  });
  gone.catch(() => undefined);
  return {
    origin,
    /** Runs a function in the page, with the module of the SDK and a value, and returns what it answers. Both go as JSON. */
    run(task, given) {
      const id = ++last;
      waiting.push({ id, source: task.toString(), given });
      const done = new Promise((resolve, reject) => running.set(id, [resolve, reject]));
      give();
      return soon('the answer of the page', Promise.race([done, gone]), 120);
    },
    async close() {
      const ended = new Promise((resolve) => chromium.once('exit', resolve));
      if (chromium.exitCode === null) {
        process.kill(-chromium.pid, 'SIGKILL');
        await ended;
      }
      server.closeAllConnections();
      server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
