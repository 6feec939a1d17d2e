import { afterEach } from 'node:test';

import { Client } from '../dist/index.js';

/** The server that the Go test of this folder has started for these tests; undefined: there is none. */
export const world = process.env.PARLEY_SDK_TEST && JSON.parse(process.env.PARLEY_SDK_TEST);
if (!world) console.warn('SKIPPED: PARLEY_SDK_TEST names no server; the Go test of this folder starts one');

const opened = [];
afterEach(() => { // also where a test has failed: an open stream would keep the process
  for (const client of opened.splice(0)) client.events.disconnect();
});

/** A client with somebody signed in. */
export async function open(who, config = {}) {
  const client = new Client({ baseUrl: world.baseUrl, partnerName: 'test', defaultOrganizationId: world.organization, ...config });
  opened.push(client);
  const { user } = await client.signInWithApiKeyAndSecret(world[who].key, world[who].secret);
  return { client, user };
}

/** What the native API answers to somebody; the administrator, where nobody is named. */
export async function native(method, path, body, who) {
  const response = await fetch(world.url + '/v1' + path, {
    method, headers: { Authorization: `Bearer ${who ? world[who].secret : world.admin}`, 'Content-Type': 'application/json', 'Parley-Organization': world.organization }, body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** The value of a promise that is settled within some seconds. */
export function soon(what, promise, seconds = 20) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), 1000 * seconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The next event of a client for which something holds. */
export function event(client, name, holds = () => true) {
  return soon(name, new Promise((resolve) => {
    client.on(name, function heard(value) {
      if (!holds(value)) return;
      client.removeListener(name, heard);
      resolve(value);
    });
  }));
}
