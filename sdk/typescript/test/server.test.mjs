// Against the server that PARLEY_SDK_TEST describes.
import assert from 'node:assert/strict';
import { writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Client } from '../dist/index.js';

const given = process.env.PARLEY_SDK_TEST;
if (!given) {
  console.warn('SKIPPED: PARLEY_SDK_TEST names no server; the Go test of this folder starts one');
} else {
  const world = JSON.parse(given);
  const open = async (who, config = {}) => {
    const client = new Client({ baseUrl: world.baseUrl, partnerName: 'test', defaultOrganizationId: world.organization, ...config });
    const { user } = await client.signInWithApiKeyAndSecret(world[who].key, world[who].secret);
    return { client, user };
  };

  test('sendToUser sends everything that its options say', async () => {
    const ana = await open('ana'), bo = await open('bo');
    assert.equal(ana.user.displayName, 'Ana Silva');
    const before = Date.now() - 5000;
    const m = await ana.client.messages.sendToUser(bo.user, 'ICU bed 4 is ready', { ttl: 1440, deleteOnRead: true, priority: 'HIGH', escalate: false,
      metadata: { namespace: 'acme:case', payload: { id: 7 } }, groupName: 'ignored', groupMetadata: { a: 5 }, description: 'x'.repeat(500) });
    assert.equal(m.body, 'ICU bed 4 is ready');
    assert.equal(m.senderId, ana.user.id);
    assert.equal(m.sender.displayName, 'Ana Silva');
    assert.equal(m.recipientId, bo.user.id);
    assert.equal(m.organizationId, world.organization);
    assert.equal(m.ttl, 1440);
    assert.equal(m.deleteOnRead, true);
    assert.equal(m.priority, 'HIGH');
    assert.equal(m.senderStatus, 'SENT');
    assert.equal(m.isOutgoing, true);
    assert.ok(m.createdAt.getTime() >= before && m.expiresAt > m.createdAt);
    assert.deepEqual(m.metadata, [{ namespace: 'acme:case', mimetype: 'application/json', payload: { id: 7 } }]);
    assert.equal(m.statusesPerRecipient.length, 1);
    assert.equal(m.statusesPerRecipient[0].userId, bo.user.id);
    assert.equal(m.statusesPerRecipient[0].recipientStatus, 'NEW');
    const got = await bo.client.messages.find(m);
    assert.equal(got.id, m.id);
    assert.equal(got.isOutgoing, false);
    assert.equal(got.sortNumber, m.sortNumber);
    const list = await ana.client.messages.sendToUser(bo.user.id, 'a list', { metadata: [{ namespace: 'acme:case', payload: { id: 7 } }] });
    assert.deepEqual(list.metadata, m.metadata);
    assert.ok(list.sortNumber > m.sortNumber);
  });

  test('one file goes with a message, in every form that Node has', async () => {
    const ana = await open('ana'), text = 'hello, file';
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'parley-')), 'note.txt');
    await writeFile(file, text);
    for (const attachmentFile of [file, Buffer.from(text), new File([text], 'note.txt', { type: 'text/plain' })]) {
      const m = await ana.client.messages.sendToUser(world.bo.user, '', { attachmentFile, ttl: 5, metadata: { namespace: 'a:b', payload: 'x' } });
      assert.equal(m.attachments.length, 1);
      assert.equal(m.attachments[0].size, text.length);
      assert.match(m.attachments[0].contentType, /^text\/plain/);
      assert.equal(m.attachments[0].name.startsWith(attachmentFile instanceof Buffer ? 'attachment' : 'note.txt'), true, m.attachments[0].name);
      assert.equal(m.ttl, 5);
      assert.equal(m.metadata[0].payload, 'x');
    }
    const m = await ana.client.messages.sendToUser(world.bo.user, 'list of one', { attachmentFiles: [file] });
    assert.equal(m.attachments.length, 1);
  });

  test('what the server refuses has the code of its kind', async () => {
    const ana = await open('ana');
    const { NotFoundError, PermissionDeniedError } = ana.client.errors;
    await assert.rejects(ana.client.messages.sendToUser('0123456789abcdefghij', 'x'), { code: NotFoundError.code });
    await assert.rejects(ana.client.messages.sendToUser(world.bo.user, 'x', { senderId: world.bo.user }), { code: PermissionDeniedError.code });
    await assert.rejects(ana.client.messages.sendToUser(world.bo.user, 'x', { escalate: true }), { code: 'invalid-argument', field: 'escalate' });
    await assert.rejects(ana.client.messages.sendToUser(world.bo.user, 'x', { organizationId: '0123456789abcdefghij' }), { code: NotFoundError.code });
    await assert.rejects(open('ana').then(({ client }) => client.signInWithApiKeyAndSecret('no', 'no')), { code: 'unauthorized', status: 401 });
  });

  test('a message to a group is rejected by sendToUser, and goes by sendToGroup', async () => {
    const ana = await open('ana');
    const first = await ana.client.messages.sendToGroupOfUsers([world.bo.user, world.cy.user], 'all', { groupName: 'Night shift', description: 'Until six', groupMetadata: { ward: '4' } });
    const group = await ana.client.groups.find(first.recipientId);
    assert.equal(group.name, 'Night shift');
    assert.deepEqual(group.metadata, { ward: '4' });
    assert.equal(group.memberCount, 3);
    assert.equal((await ana.client.messages.findRecipientStatus(first)).length, 2);
    await assert.rejects(ana.client.messages.sendToUser(group.id, 'x'), { code: 'not-found' });
    assert.equal((await ana.client.messages.sendToGroup(group, 'again')).conversationId, first.conversationId);
    assert.deepEqual(await ana.client.messages.recall([first]), [true]);
    assert.equal((await ana.client.messages.find(first)).isRecalled, true);
  });

  test('a role that is held is the sender', async () => {
    const bo = await open('bo');
    const m = await bo.client.messages.sendToUser(world.ana.user, 'coming', { senderId: world.role });
    assert.equal(m.senderId, world.role);
    assert.equal(m.currentSenderRole.displayName, 'Charge nurse');
    const to = await (await open('ana')).client.messages.sendToRole(world.role, 'come');
    assert.equal(to.recipientId, world.role);
    assert.deepEqual(to.statusesPerRecipient.map((s) => s.userId), [world.bo.user]);
  });

  test('the same two users have a conversation in each organization', async () => {
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
  });
}
