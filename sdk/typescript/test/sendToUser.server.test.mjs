// sendToUser against a server, in Node.
import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '../dist/index.js';
import { says } from './says.mjs';
import { event, native, open, world } from './world.mjs';

if (world) walk();

function walk() {
  says("answer", "sendToUser resolves with the message once the server has it on disk: id, body, sender, recipient, organization, and the status of its recipient.", async () => {
    const ana = await open('ana'), before = Date.now() - 5000;
    const m = await ana.client.messages.sendToUser(world.bo.user, 'ICU bed 4 is ready');
    assert.equal(ana.user.displayName, 'Ana Silva');
    assert.deepEqual([m.body, m.senderId, m.sender.displayName, m.recipientId, m.organizationId, m.organization.id], ['ICU bed 4 is ready', ana.user.id, 'Ana Silva', world.bo.user, world.organization, world.organization]);
    assert.deepEqual([m.senderStatus, m.isOutgoing, m.messageType, m.subType, m.sortSeries], ['SENT', true, 'USER_SENT', 'NA', 0]);
    assert.ok(m.createdAt.getTime() >= before);
    assert.deepEqual(m.statusesPerRecipient.map((s) => [s.messageId, s.userId, s.recipientStatus, s.status]), [[m.id, world.bo.user, 'NEW', 'NEW']]);
    const got = await (await open('bo')).client.messages.find(m);
    assert.deepEqual([got.id, got.isOutgoing, got.sortNumber, got.senderStatus], [m.id, false, m.sortNumber, 'NA']);
  });

  says("userId", "The SDK takes a model, an id, an e-mail address or a telephone number; what nobody has rejects with not-found.", async () => {
    const { client } = await open('ana');
    const bo = await client.users.find(world.bo.email);
    for (const to of [bo, bo.id, world.bo.email, world.bo.phone]) assert.equal((await client.messages.sendToUser(to, 'x')).recipientId, world.bo.user);
    for (const to of ['who@example.org', '+15550100999', '0123456789abcdefghij']) await assert.rejects(client.messages.sendToUser(to, 'x'), { code: client.errors.NotFoundError.code });
    await assert.rejects(client.messages.sendToUser(world.ana.email, 'x'), { code: 'invalid-argument', field: 'recipient' });
  });

  says("userId", "The id of a group or a list rejects with not-found: sendToGroup and sendToDistributionList are for those. The id of a role writes to who is on duty, as sendToRole.", async () => {
    const { client } = await open('ana');
    const first = await client.messages.sendToGroupOfUsers([world.bo.user, world.cy.user], 'all');
    await assert.rejects(client.messages.sendToUser(first.recipientId, 'x'), { code: 'not-found' });
    assert.equal((await client.messages.sendToGroup(first.recipientId, 'x')).conversationId, first.conversationId);
    await assert.rejects(client.messages.sendToUser(world.list, 'x'), { code: 'not-found' });
    const all = await client.messages.sendToDistributionList(world.list, 'x');
    assert.deepEqual(all.statusesPerRecipient.map((s) => s.distributionListId), [world.list]);
    for (const m of [await client.messages.sendToUser(world.role, 'x'), await client.messages.sendToRole(world.role, 'x')]) {
      assert.deepEqual([m.recipientId, m.statusesPerRecipient.map((s) => s.userId)], [world.role, [world.bo.user]]);
    }
  });

  says("organizationId", "The same two users have a conversation in each organization; an organization of others rejects with not-found.", async () => {
    const client = new Client({ baseUrl: world.baseUrl });
    await client.signInWithApiKeyAndSecret(world.cy.key, world.cy.secret);
    const all = await client.organizations.findAll();
    assert.equal(all.length, 2);
    await assert.rejects(client.messages.sendToUser(world.bo.email, 'x'), { argument: 'organizationId' });
    const sent = [];
    for (const { id } of all) sent.push(await client.messages.sendToUser(world.bo.email, 'x', { organizationId: id }));
    assert.notEqual(sent[0].conversationId, sent[1].conversationId);
    assert.deepEqual(sent.map((m) => m.organizationId), all.map((o) => o.id));
    const one = new Client({ baseUrl: world.baseUrl });
    await one.signInWithApiKeyAndSecret(world.ana.key, world.ana.secret);
    assert.equal((await one.messages.sendToUser(world.bo.user, 'only one')).organizationId, world.organization);
    await assert.rejects(one.messages.sendToUser(world.bo.user, 'x', { organizationId: '0123456789abcdefghij' }), { code: 'not-found' });
  });

  says("senderOrganizationId", "The message names the organization of the sender and of the recipient.", async () => {
    const { client } = await open('ana');
    const m = await client.messages.sendToUser(world.bo.user, 'x', { organizationId: 'ignored', senderOrganizationId: world.organization });
    assert.deepEqual([m.senderOrganizationId, m.recipientOrganizationId], [world.organization, world.organization]);
  });

  says("recipientOrganizationId", "One that differs from the sender's rejects with permission-denied.", async () => {
    const { client } = await open('ana');
    await assert.rejects(client.messages.sendToUser(world.bo.user, 'x', { recipientOrganizationId: world.other }), { code: client.errors.PermissionDeniedError.code });
  });

  says("ttl", "The message has the ttl that holds, in minutes, with expireIn and expiresAt; -1 and no expiresAt where it does not end.", async () => {
    const { client } = await open('ana');
    const m = await client.messages.sendToUser(world.bo.user, 'x', { ttl: 1440 });
    assert.equal(m.ttl, 1440);
    assert.ok(m.expireIn > 1430 * 60 && m.expiresAt > m.createdAt);
    const endless = await client.messages.sendToUser(world.bo.user, 'x', { ttl: -1 });
    assert.deepEqual([endless.ttl, endless.expiresAt], [-1, undefined]);
    await native('PATCH', '/organization', { policy: { defaultTtl: 3600, lockTtl: true } });
    try {
      assert.equal((await client.messages.sendToUser(world.bo.user, 'x', { ttl: 5 })).ttl, 60);
    } finally {
      await native('PATCH', '/organization', { policy: { defaultTtl: 0, lockTtl: false } });
    }
  });

  says("deleteOnRead", "It is false where it is left out, and the message says which.", async () => {
    const { client } = await open('ana');
    assert.equal((await client.messages.sendToUser(world.bo.user, 'x', { deleteOnRead: true })).deleteOnRead, true);
    assert.equal((await client.messages.sendToUser(world.bo.user, 'x')).deleteOnRead, false);
  });

  says("priority", "HIGH where the organization does not allow it rejects with permission-denied.", async () => {
    const { client } = await open('ana');
    assert.equal((await client.messages.sendToUser(world.bo.user, 'x', { priority: 'HIGH' })).priority, 'HIGH');
    await native('PATCH', '/organization', { policy: { noHighPriority: true } });
    try {
      await assert.rejects(client.messages.sendToUser(world.bo.user, 'x', { priority: 'HIGH' }), { code: 'permission-denied', field: 'priority' });
    } finally {
      await native('PATCH', '/organization', { policy: { noHighPriority: false } });
    }
  });

  says("escalate", "To a role with a policy the message escalates; to a user it rejects rather than being dropped.", async () => {
    const { client } = await open('ana');
    const m = await client.messages.sendToUser(world.role, 'now', { escalate: true });
    const { data } = await native('GET', `/escalations?message=${m.id}`);
    assert.equal(data.length, 1);
    await assert.rejects(client.messages.sendToUser(world.bo.user, 'x', { escalate: true }), { code: 'invalid-argument', field: 'escalate' });
  });

  says("senderId", "As a role that is held the role is the sender, and currentSenderRole; another user, or a role that is not held, rejects with permission-denied.", async () => {
    const { client } = await open('bo');
    const m = await client.messages.sendToUser(world.ana.user, 'coming', { senderId: world.role });
    assert.deepEqual([m.senderId, m.currentSenderRole.displayName, m.isOutgoing], [world.role, 'Charge nurse', true]);
    await assert.rejects(client.messages.sendToUser(world.ana.user, 'x', { senderId: world.cy.user }), { code: 'permission-denied' });
    await assert.rejects((await open('ana')).client.messages.sendToUser(world.bo.user, 'x', { senderId: world.role }), { code: 'permission-denied' });
  });

  says("metadata", "The message has it as a list, with payloads that are JSON as values.", async () => {
    const { client } = await open('ana');
    const one = await client.messages.sendToUser(world.bo.user, 'x', { metadata: { namespace: 'acme:case', payload: { id: 7 } } });
    const list = await client.messages.sendToUser(world.bo.user, 'x', { metadata: [{ namespace: 'acme:case', payload: { id: 7 } }] });
    assert.deepEqual(one.metadata, [{ namespace: 'acme:case', mimetype: 'application/json', payload: { id: 7 } }]);
    assert.deepEqual(list.metadata, one.metadata);
    assert.deepEqual((await client.messages.find(one)).metadata, one.metadata);
  });

  says("attachmentFile", "In Node it is an absolute path, a Buffer, or a File or Blob; what has no name is called attachment.", async () => {
    const { client } = await open('ana'), text = 'hello, file';
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'parley-')), 'note.txt');
    await writeFile(file, text);
    for (const attachmentFile of [file, Buffer.from(text), new File([text], 'note.txt', { type: 'text/plain' })]) {
      const m = await client.messages.sendToUser(world.bo.user, '', { attachmentFile, ttl: 5, metadata: { namespace: 'a:b', payload: 'x' } });
      const [{ name, size, contentType }, ...more] = m.attachments;
      assert.deepEqual([size, more, m.ttl, m.metadata[0].payload], [text.length, [], 5, 'x']);
      assert.match(contentType, /^text\/plain/);
      assert.match(name, attachmentFile instanceof Buffer ? /^attachment/ : /^note\.txt$/);
    }
  });

  says("body", "It stays as it is, also with a file: the ends of its lines too.", async () => {
    const { client } = await open('ana'), body = 'a\nb\r\nc\rd "e" ü';
    const attachmentFile = new File(['a'], 'a, ü; b.txt', { type: 'text/plain' });
    const m = await client.messages.sendToUser(world.bo.user, body, { attachmentFile, metadata: { namespace: 'a:b', mimetype: 'text/plain', payload: 'c\nd' } });
    assert.deepEqual([m.body, m.metadata[0].payload], [body, 'c\nd']);
    const stored = await native('GET', `/messages/${m.id}`, undefined, 'bo');
    assert.deepEqual([stored.text, stored.attachments[0].name], [body, attachmentFile.name]);
    assert.equal((await client.messages.sendToUser(world.bo.user, body)).body, body);
  });

  says("attachmentFiles", "A list of one file is sent as attachmentFile is.", async () => {
    const { client } = await open('ana');
    assert.equal((await client.messages.sendToUser(world.bo.user, 'x', { attachmentFiles: [new File(['a'], 'a.txt', { type: 'text/plain' })] })).attachments[0].name, 'a.txt');
  });

  const group = { groupName: 'Night shift', description: 'Until six', groupMetadata: { ward: '4' }, avatarFile: new File([Uint8Array.from([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0, 0, 0, 0x3b])], 'g.gif', { type: 'image/gif' }) };

  says("groupName", "sendToGroupOfUsers makes a group with it, the description, the metadata and the avatar.", async () => {
    const { client } = await open('ana');
    const found = await client.groups.find((await client.messages.sendToGroupOfUsers([world.bo.user, world.cy.user], 'all', group)).recipientId);
    assert.deepEqual([found.name, found.description, found.metadata, found.memberCount], ['Night shift', 'Until six', { ward: '4' }, 3]);
  });

  says("description", "In sendToUser all that is about a group is ignored, also what would be wrong of one.", async () => {
    const { client } = await open('ana');
    const m = await client.messages.sendToUser(world.bo.user, 'x', { ...group, description: 'x'.repeat(500), groupMetadata: { a: 5 } });
    assert.deepEqual([m.recipientId, m.attachments], [world.bo.user, []]);
    await assert.rejects(client.messages.sendToGroupOfUsers([world.bo.user, world.cy.user], 'x', { description: 'x'.repeat(301) }), { argument: 'description' });
    await assert.rejects(client.messages.sendToGroupOfUsers([world.bo.user, world.cy.user], 'x', { groupMetadata: { a: 5 } }), { argument: 'groupMetadata' });
  });

  says("around", "The statuses of a message are found per recipient, and its sender takes it back.", async () => {
    const ana = await open('ana');
    const m = await ana.client.messages.sendToGroupOfUsers([world.bo.user, world.cy.user], 'all');
    assert.deepEqual((await ana.client.messages.findRecipientStatus(m)).map((s) => s.status), ['NEW', 'NEW']);
    await assert.rejects((await open('bo')).client.messages.recall(m), { code: 'permission-denied' });
    assert.deepEqual(await ana.client.messages.recall([m]), [true]);
    assert.equal((await ana.client.messages.find(m)).isRecalled, true);
  });

  says("around", "A client that follows the events gets the recipient's message as it comes, which is then delivered; the sender's gets that as message:status.", async () => {
    const ana = await open('ana'), bo = await open('bo');
    const live = [event(ana.client, 'messages:offline:stop'), event(bo.client, 'messages:offline:stop')];
    for (const { client } of [ana, bo]) client.events.connect();
    await Promise.all(live);
    const body = `live ${Date.now()}`;
    const comes = event(bo.client, 'message', (m) => m.body === body), own = event(ana.client, 'message', (m) => m.body === body);
    const delivered = event(ana.client, 'message:status', (s) => s.status === 'DELIVERED' && s.userId === world.bo.user);
    const m = await ana.client.messages.sendToUser(world.bo.user, body, { metadata: { namespace: 'a:b', payload: [1] } });
    const came = await comes;
    assert.deepEqual([came.id, came.isOutgoing, came.senderId, came.metadata, (await own).isOutgoing], [m.id, false, ana.user.id, m.metadata, true]);
    assert.equal((await delivered).messageId, m.id);
    for (const { client } of [ana, bo]) client.events.disconnect();
    assert.equal((await ana.client.messages.findRecipientStatus(m))[0].status, 'DELIVERED');
  });

  /** Follows the events of somebody in all organizations, until what came before is through: how many messages there are said to be, and which came. */
  async function away(client) {
    const heard = [], listener = (m) => heard.push(m.body);
    let count = 0, stops = (await client.organizations.findAll()).length;
    const starts = (e) => (count += e.replayMessageCount);
    client.on('message', listener);
    client.on('messages:offline:start', starts);
    const through = event(client, 'messages:offline:stop', () => --stops === 0);
    client.events.connect();
    await through;
    await new Promise((resolve) => setTimeout(resolve, 300)); // for what was confirmed
    client.events.disconnect();
    client.removeListener('message', listener);
    client.removeListener('messages:offline:start', starts);
    return [count, heard];
  }

  says("around", "What came while a client was away comes between messages:offline:start, with how many there are, and messages:offline:stop; what was confirmed does not come again.", async () => {
    const ana = await open('ana'), bo = await open('bo');
    await away(bo.client);
    await ana.client.messages.sendToUser(world.bo.user, 'while away');
    assert.deepEqual(await away(bo.client), [1, ['while away']]);
    assert.deepEqual(await away(bo.client), [0, []]);
  });

  says("around", "Two messages that are sent one after the other keep their order by sortSeries and sortNumber, for both.", async () => {
    const { client } = await open('ana'), bo = await open('bo');
    const sent = [];
    for (let i = 0; i < 5; i++) sent.push(await client.messages.sendToUser(world.bo.user, `${i}`));
    const numbers = sent.map((m) => m.sortNumber);
    assert.deepEqual(numbers, [0, 1, 2, 3, 4].map((i) => numbers[0] + i));
    const got = await Promise.all(sent.map((m) => bo.client.messages.find(m)));
    assert.deepEqual(got.map((m) => [m.sortSeries, m.sortNumber]), sent.map((m) => [m.sortSeries, m.sortNumber]));
  });

  says("around", "To somebody who does not want to be disturbed the message goes all the same, and to whom it is forwarded as autoForwardedFrom.", async () => {
    const ana = await open('ana'), cy = await open('cy');
    await native('PUT', `/users/${world.bo.user}/do-not-disturb`, { text: 'On leave', forwardTo: { user: world.cy.user } });
    try {
      const ready = event(cy.client, 'messages:offline:stop'), body = `for bo ${Date.now()}`;
      cy.client.events.connect();
      await ready;
      const comes = event(cy.client, 'message', (m) => m.body === body);
      const m = await ana.client.messages.sendToUser(world.bo.user, body);
      assert.equal(m.statusesPerRecipient[0].status, 'NEW');
      const copy = await comes;
      assert.deepEqual([copy.isAutoForwarded, copy.autoForwardedFrom.id, copy.senderId], [true, world.bo.user, ana.user.id]);
      assert.notEqual(copy.conversationId, m.conversationId);
    } finally {
      cy.client.events.disconnect();
      await native('DELETE', `/users/${world.bo.user}/do-not-disturb`);
    }
  });

  says("around", "Beyond the rate limit of its key the SDK waits as long as the server says, RETRYING, and sends the message once.", async () => {
    const key = await native('POST', '/keys', { name: 'slow', user: world.ana.user, scopes: world.scopes, rateLimit: 60 });
    const client = new Client({ baseUrl: world.baseUrl, defaultOrganizationId: world.organization });
    await client.signInWithApiKeyAndSecret(key.id, key.secret);
    const states = [], sent = [];
    client.on('message:senderStatus', (m) => states.push(m.senderStatus));
    for (let i = 0; i < 100 && !states.includes('RETRYING'); i++) sent.push(await client.messages.sendToUser(world.bo.user, `limited ${i}`));
    assert.ok(states.includes('RETRYING'), `no limit was met by ${sent.length} messages`);
    assert.equal(states.at(-1), 'SENT');
    const numbers = sent.map((m) => m.sortNumber);
    assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
  });

  says("around", "A session whose key was revoked is signed out; the message is kept, and is sent once somebody is signed in again.", async () => {
    const key = await native('POST', '/keys', { name: 'ends', user: world.ana.user, scopes: world.scopes });
    const client = new Client({ baseUrl: world.baseUrl, defaultOrganizationId: world.organization });
    await client.signInWithApiKeyAndSecret(key.id, key.secret);
    await native('DELETE', `/keys/${key.id}`);
    const out = event(client, 'signedOut');
    let unsent;
    await assert.rejects(client.messages.sendToUser(world.bo.user, 'kept'), (error) => {
      unsent = error.unsent;
      return error.code === 'unauthorized' && error.status === 401;
    });
    assert.equal((await out).id, world.ana.user);
    await client.signInWithApiKeyAndSecret(world.ana.key, world.ana.secret);
    const m = await client.messages.retrySend(unsent);
    assert.deepEqual([m.body, m.clientId], ['kept', unsent.id]);
  });

  says("around", "An upload that is cut off fails; retrySend sends it with the same client_id, and it is there once.", async () => {
    const { client } = await open('ana');
    let cut = true;
    const proxy = createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => {
        chunks.push(chunk);
        if (cut && request.url.startsWith('/tigerconnect/v2/message')) request.destroy();
      }).on('error', () => undefined).on('end', async () => {
        const headers = { ...request.headers };
        for (const name of ['host', 'connection', 'content-length', 'transfer-encoding']) delete headers[name];
        const answer = await fetch(world.url + request.url, { method: request.method, headers, body: request.method === 'GET' ? undefined : Buffer.concat(chunks) });
        response.writeHead(answer.status, { 'Content-Type': answer.headers.get('Content-Type') ?? 'text/plain' }).end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const through = await open('ana', { baseUrl: `http://127.0.0.1:${proxy.address().port}/tigerconnect/v2`, retry: { attempts: 1 } });
      const before = await client.messages.sendToUser(world.bo.user, 'before');
      const attachmentFile = new File(['x'.repeat(1 << 20)], 'long.txt', { type: 'text/plain' });
      let unsent;
      await assert.rejects(through.client.messages.sendToUser(world.bo.user, 'file', { attachmentFile }), (error) => {
        unsent = error.unsent;
        return error.code === 'connection';
      });
      assert.equal(unsent.senderStatus, 'FAILED');
      cut = false;
      const m = await through.client.messages.retrySend(unsent);
      assert.deepEqual([m.clientId, m.sortNumber, m.attachments[0].size], [unsent.id, before.sortNumber + 1, 1 << 20]);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  says("errors", "What the server refuses rejects with an error that has its code, as client.errors.NotFoundError.code, its status, reason and field.", async () => {
    const { client } = await open('ana');
    assert.deepEqual([client.errors.NotFoundError.code, client.errors.PermissionDeniedError.code], ['not-found', 'permission-denied']);
    await assert.rejects(client.messages.sendToUser('0123456789abcdefghij', 'x'), { code: 'not-found', status: 404, reason: 'recipient-unknown', field: 'recipient' });
    await assert.rejects(client.signInWithApiKeyAndSecret('no', 'no'), { code: 'unauthorized', status: 401 });
  });
}
