// sendToUser in a real browser, from a page of another origin than the server's.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { browse } from './browser.mjs';
import { says } from './says.mjs';
import { native, open, world } from './world.mjs';

if (world && process.env.PARLEY_SDK_BROWSER) walk();

function walk() {
  let page;
  before(async () => {
    page = await browse();
    await page.run(async (parley, given) => {
      globalThis.open = async (who) => {
        const client = new parley.Client({ baseUrl: given.baseUrl, partnerName: 'browser', defaultOrganizationId: given.organization });
        await client.signInWithApiKeyAndSecret(given[who].key, given[who].secret);
        return client;
      };
    }, world);
  });
  after(() => page?.close());

  says("answer", "In a browser sendToUser resolves with the same message as in Node, also from a page of another origin that the operator allows.", async () => {
    const m = await page.run(async (_, { to }) => {
      const client = await globalThis.open('ana');
      return client.messages.sendToUser(to, 'from a browser', { ttl: 60, metadata: { namespace: 'a:b', payload: { id: 7 } } });
    }, { to: world.bo.user });
    assert.deepEqual([m.body, m.ttl, m.recipientId, m.senderStatus], ['from a browser', 60, world.bo.user, 'SENT']);
    const stored = await native('GET', `/messages/${m.id}`, undefined, 'bo');
    assert.deepEqual([stored.text, stored.ttl], ['from a browser', 3600]);
  });

  says("attachmentFile", "In a browser it is a File, or a Blob.", async () => {
    const [file, blob] = await page.run(async (_, { to }) => {
      const client = await globalThis.open('ana');
      const file = await client.messages.sendToUser(to, 'a\nb', { attachmentFile: new File(['hello, file'], 'größe.txt', { type: 'text/plain' }) });
      return [file, await client.messages.sendToUser(to, 'x', { attachmentFiles: [new Blob(['hello'], { type: 'text/plain' })] })];
    }, { to: world.bo.user });
    assert.deepEqual(file.attachments.map((a) => [a.name, a.size]), [['größe.txt', 11]]);
    assert.equal(file.body, 'a\nb');
    assert.match(blob.attachments[0].name, /^attachment/);
    const response = await fetch(`${world.baseUrl}/message/${file.id}/attachment/1`, { headers: { 'TT-X-Organization-Key': world.organization, Authorization: `Basic ${btoa(`${world.bo.key}:${world.bo.secret}`)}` } });
    assert.equal(await response.text(), 'hello, file');
  });

  says("attachmentFile", "In a browser there are no paths: a string rejects before any request.", async () => {
    const { requests, error } = await page.run(async (_, { to }) => {
      const client = await globalThis.open('ana');
      const before = performance.getEntriesByType('resource').length;
      const error = await client.messages.sendToUser(to, 'x', { attachmentFile: '/etc/hostname' }).catch((e) => ({ name: e.name, code: e.code, argument: e.argument, message: e.message }));
      return { requests: performance.getEntriesByType('resource').length - before, error };
    }, { to: world.bo.user });
    assert.deepEqual([error.name, error.code, error.argument], ['ArgumentError', 'invalid-argument', 'attachmentFile']);
    assert.match(error.message, /browser/);
    assert.equal(requests, 0);
  });

  says("around", "In a browser the client hears of a message by its event, and the sender of its status.", async () => {
    const sender = await open('ana'), body = `to a browser ${Date.now()}`;
    await page.run(async () => {
      const client = await globalThis.open('bo');
      globalThis.heard = new Promise((resolve) => client.on('message', (m) => m.body.startsWith('to a browser') && resolve(m)));
      const live = new Promise((resolve) => client.on('messages:offline:stop', resolve));
      client.events.connect();
      await live;
      globalThis.listening = client;
    });
    const m = await sender.client.messages.sendToUser(world.bo.user, body);
    const came = await page.run(async () => {
      const m = await globalThis.heard;
      globalThis.listening.events.disconnect();
      return m;
    });
    assert.deepEqual([came.id, came.body, came.isOutgoing, came.senderStatus], [m.id, body, false, 'NA']);
  });

  says("errors", "In a browser an error of the server has its code as well.", async () => {
    const code = await page.run(async () => (await globalThis.open('ana')).messages.sendToUser('0123456789abcdefghij', 'x').catch((e) => e.code));
    assert.equal(code, 'not-found');
  });
}
