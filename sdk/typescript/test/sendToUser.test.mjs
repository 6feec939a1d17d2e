// What sendToUser says by itself, without a server: what is wrong with arguments before any request, and how far a message is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { ArgumentError, Client } from '../dist/index.js';
import { says } from './says.mjs';

const user = 'dc6nu988d1cb7krui4b0';
const organization = 'dc6nu808d1cb7krui3b0';
const message = {
  message_id: 'm', body: 'x', sender_token: 'me', sender_display_name: 'Ana', sender_organization: organization, recipient_token: user, recipient_organization: organization,
  conversation_id: 'c', created_time: '2026-11-20T11:31:55.256Z', ttl: -1, dor: false, priority: 0, sort_number: 1, sort_series: 0, attachments: [], data: [], status: 'New', is_recalled: false,
};
const json = (value, init) => new Response(JSON.stringify(value), init);
const reply = (value) => json({ status: 'success', reply: value });

/** A client of no server: its requests are answered here, those that send by the steps. */
function client(config = {}, steps = []) {
  const asked = [], sent = [];
  const answers = {
    '/user/me/organization': { organizations: [{ token: organization, name: 'A', display_name: 'A', user_token: 'me' }, { token: 'b', name: 'B', display_name: 'B', user_token: 'me2' }] },
    '/user/me': { token: 'me', display_name: 'Ana', first_name: 'Ana', last_name: '', organization_key: organization, metadata: {} },
  };
  const fetch = async (url, init) => {
    const path = url.slice('http://127.0.0.1:9/tigerconnect/v2'.length);
    asked.push(path);
    if (!path.startsWith('/message')) return reply(answers[path]);
    sent.push(init.body instanceof Blob ? Object.fromEntries(await new Response(init.body, { headers: init.headers }).formData()) : JSON.parse(init.body));
    return (steps[sent.length - 1] ?? (() => reply(message)))();
  };
  return { asked, sent, client: new Client({ baseUrl: 'http://127.0.0.1:9/tigerconnect/v2/', partnerName: 'test', retry: { longest: 1 }, fetch, ...config }) };
}

async function signedIn(config = { defaultOrganizationId: organization }, steps) {
  const made = client(config, steps);
  await made.client.signInWithApiKeyAndSecret('key', 'secret');
  made.asked.length = 0;
  return made;
}

/** Each of the sends is refused because of the argument, and nothing is requested. */
async function refused(argument, sends, config) {
  const { asked, client: c } = await signedIn(config);
  for (const args of sends) {
    await assert.rejects(c.messages.sendToUser(...args), (error) => {
      assert.ok(error instanceof ArgumentError, String(error));
      assert.equal(error.code, 'invalid-argument');
      assert.equal(error.argument, argument);
      return true;
    }, JSON.stringify(args[0]) + String(args[1]));
  }
  assert.deepEqual(asked, [], 'nothing was requested');
}

const cyclic = {};
cyclic.self = cyclic;

says("userId", "In the SDK it is an id or a model that has one; without one sendToUser rejects before any request.", async () => {
  const { sent, client: c } = await signedIn();
  await c.messages.sendToUser(user, 'x');
  await c.messages.sendToUser({ id: user }, 'x');
  assert.deepEqual(sent.map((s) => s.recipient), [user, user]);
  await refused('userId', [[undefined, 'hello'], [null, 'hello'], ['', 'hello'], [{}, 'hello'], [5, 'hello']]);
});

says("userId", "Arguments in the wrong order are recognized, and the error says: expected (userId, body).", async () => {
  const swapped = [['hello there', user], ['hello', user], ['hello', 'bo@example.org'], ['hello', '+15550100200'], ['hello', { id: user }]];
  await refused('userId', swapped);
  const { client: c } = await signedIn();
  for (const args of swapped) await assert.rejects(c.messages.sendToUser(...args), /expected \(userId, body\)/);
});

says("userId", "The user who is signed in, in whatever organization, is refused before any request.", async () => {
  await refused('userId', [['me', 'note to self'], [{ id: 'me2' }, 'x']]);
});

says("body", "In the SDK it is a string, or a number that becomes one; empty only with an attachment or metadata. Anything else rejects before any request.", async () => {
  const { sent, client: c } = await signedIn();
  await c.messages.sendToUser(user, 42);
  await c.messages.sendToUser(user, '', { metadata: { namespace: 'a:b', payload: 1 } });
  await c.messages.sendToUser(user, '', { attachmentFile: new Blob(['a']) });
  assert.deepEqual(sent.map((s) => s.body), ['42', '', '']);
  await refused('body', [[user], [user, null], [user, ''], [user, '', { metadata: [] }], [user, {}], [user, true], [user, NaN], [user, Infinity], [user, 'a\0b'], [user, 'x'.repeat(100001)]]);
});

says("organizationId", "It is the client's defaultOrganizationId where it is left out, or the only organization of the user; where there is neither sendToUser rejects before any request.", async () => {
  const { sent, client: c } = await signedIn();
  await c.messages.sendToUser(user, 'x');
  await c.messages.sendToUser(user, 'x', { organizationId: 'b' });
  assert.deepEqual(sent.map((s) => [s.sender_organization, s.recipient_organization]), [[organization, organization], ['b', 'b']]);
  await refused('organizationId', [[user, 'x'], [user, 'x', { organizationId: '' }], [user, 'x', { organizationId: null }]], {});
  await refused('organizationId', [[user, 'x', { organizationId: 5 }]]);
});

says("senderOrganizationId", "It is organizationId where it is left out.", async () => {
  const { sent, client: c } = await signedIn({});
  await c.messages.sendToUser(user, 'x', { senderOrganizationId: 'b' });
  assert.deepEqual([sent[0].sender_organization, sent[0].recipient_organization], ['b', 'b']);
  await refused('senderOrganizationId', [[user, 'x', { senderOrganizationId: {} }]]);
});

says("recipientOrganizationId", "It is the sender's organization where it is left out.", async () => {
  const { sent, client: c } = await signedIn();
  await c.messages.sendToUser(user, 'x', { recipientOrganizationId: 'b' });
  assert.deepEqual([sent[0].sender_organization, sent[0].recipient_organization], [organization, 'b']);
  await refused('recipientOrganizationId', [[user, 'x', { recipientOrganizationId: 1 }]]);
});

says("ttl", "0, negative numbers other than -1, fractions, texts and more than a hundred years reject before any request.", async () => {
  await refused('ttl', [0, -2, 1.5, '5', NaN, Infinity, 2 ** 40].map((ttl) => [user, 'x', { ttl }]));
});

says("deleteOnRead", "What is neither true nor false rejects before any request.", async () => {
  await refused('deleteOnRead', ['yes', 1].map((deleteOnRead) => [user, 'x', { deleteOnRead }]));
});

says("escalate", "What is neither true nor false rejects before any request.", async () => {
  await refused('escalate', ['yes', 1].map((escalate) => [user, 'x', { escalate }]));
});

says("priority", "It is NORMAL or HIGH; LOW and other words reject before any request.", async () => {
  const { sent, client: c } = await signedIn();
  for (const priority of [undefined, null, c.enums.MessagePriority.NORMAL, c.enums.MessagePriority.HIGH]) await c.messages.sendToUser(user, 'x', { priority });
  assert.deepEqual(sent.map((s) => s.priority), [undefined, undefined, undefined, 1]);
  await refused('priority', ['LOW', 'high', 1].map((priority) => [user, 'x', { priority }]));
});

says("senderId", "In the SDK it is the id of a role, or a model that has one; what is neither rejects before any request.", async () => {
  const { sent, client: c } = await signedIn();
  for (const senderId of ['r', { id: 'r' }, null]) await c.messages.sendToUser(user, 'x', { senderId });
  assert.deepEqual(sent.map((s) => s.sender_token), ['r', 'r', undefined]);
  await refused('senderId', [5, '', {}].map((senderId) => [user, 'x', { senderId }]));
});

says("metadata", "One object and a list of it send the same; a payload that cannot be written as JSON rejects before any request.", async () => {
  const { sent, client: c } = await signedIn();
  const one = { namespace: 'acme:case', payload: { id: 7 } };
  for (const metadata of [one, [one]]) await c.messages.sendToUser(user, 'x', { metadata });
  assert.deepEqual(sent[0].data, [{ namespace: 'acme:case', mimetype: 'application/json', payload: '{"id":7}' }]);
  assert.deepEqual(sent[1].data, sent[0].data);
  await refused('metadata.payload', [cyclic, () => 1, 1n, undefined].map((payload) => [user, 'x', { metadata: { namespace: 'a:b', payload } }]));
});

says("metadata", "A missing or reserved namespace, more than 50 entries and more than 64 KiB reject before any request.", async () => {
  await refused('metadata[0].namespace', [[user, 'x', { metadata: [{ payload: 1 }] }]]);
  await refused('metadata.namespace', ['tigertext:message:alert', 'TigerText:x', ' ', 'n'.repeat(201)].map((namespace) => [user, 'x', { metadata: { namespace, payload: 1 } }]));
  const one = { namespace: 'a:b', payload: 'ü'.repeat(32768) };
  await refused('metadata', [[user, 'x', { metadata: 'y' }], [user, 'x', { metadata: one }], [user, 'x', { metadata: { namespace: 'a:b\0', payload: 1 } }],
    [user, 'x', { metadata: Array(51).fill({ namespace: 'a:b', payload: 1 }) }]]);
});

says("attachmentFile", "A path that is not absolute or leads to nothing, what is no file, and a type that is not taken reject before any request.", async () => {
  const wrong = ['a.png', '/nowhere/a.png', tmpdir(), 5, {}, new Blob(['x'], { type: 'application/zip' })];
  await refused('attachmentFile', wrong.map((attachmentFile) => [user, 'x', { attachmentFile }]));
});

says("attachmentFile", "A file over 100 MiB rejects before any request.", async () => {
  await refused('attachmentFile', [[user, 'x', { attachmentFile: new Blob(Array(101).fill(new Uint8Array(1 << 20))) }]]);
});

says("attachmentFiles", "It is a list of one file; two files, or both options at once, reject before any request.", async () => {
  const { sent, client: c } = await signedIn();
  await c.messages.sendToUser(user, 'x', { attachmentFiles: [new File(['a'], 'a.txt', { type: 'text/plain' })] });
  assert.equal(sent[0].attachment.name, 'a.txt');
  await refused('attachmentFiles', [{ attachmentFiles: [new Blob(['a']), new Blob(['b'])] }, { attachmentFile: new Blob(['a']), attachmentFiles: [new Blob(['b'])] }, { attachmentFiles: 'a' }, { attachmentFiles: [null] }, { attachmentFiles: [undefined] }]
    .map((options) => [user, 'x', options]));
});

says("errors", "Options that are no object, or have a member that there is not, reject before any request.", async () => {
  await refused('options', [[user, 'x', 'y'], [user, 'x', []], [user, 'x', { prioritty: 'HIGH' }]]);
});

says("errors", "Nobody sends who is not signed in, and the arguments of signing in are checked as well.", async () => {
  const { asked, client: c } = client({ defaultOrganizationId: organization });
  await assert.rejects(c.messages.sendToUser(user, 'x'), { code: 'not-signed-in' });
  await assert.rejects(c.signInWithApiKeyAndSecret('', 'x'), { argument: 'key' });
  await assert.rejects(c.signInWithApiKeyAndSecret('x'), { argument: 'secret' });
  assert.throws(() => c.events.connect(), { code: 'not-signed-in' });
  assert.deepEqual(asked, []);
});

test('the configuration is checked', () => {
  for (const config of [undefined, null, {}, { baseUrl: 'nowhere' }, { baseUrl: 'ftp://example.org' }]) assert.throws(() => new Client(config), ArgumentError);
});

/** The states that a client tells of its messages. */
function followed(c) {
  const states = [];
  c.on('message:senderStatus', (m) => states.push(m.senderStatus));
  return states;
}

says("around", "What is refused for now (429, 503, a lost connection) is sent again with the same client_id, after what Retry-After says; meanwhile the message is RETRYING, then SENT.", async () => {
  const soon = { headers: { 'Retry-After': '0' } };
  const half = () => new Response(new ReadableStream({ start: (s) => { s.enqueue(new TextEncoder().encode('{')); }, pull: (s) => s.error(new TypeError('cut')) }));
  const { sent, client: c } = await signedIn({ defaultOrganizationId: organization, retry: { attempts: 5, longest: 1 } },
    [() => json({}, { status: 429, ...soon }), () => Promise.reject(new TypeError('cut')), half, () => json({}, { status: 503, ...soon })]);
  const states = followed(c);
  const m = await c.messages.sendToUser(user, 'x');
  assert.equal(m.senderStatus, 'SENT');
  assert.equal(sent.length, 5);
  assert.ok(sent.every((s) => s.client_id === sent[0].client_id && /^[0-9a-f-]{36}$/.test(s.client_id)));
  assert.deepEqual(states, ['SENDING', 'RETRYING', 'RETRYING', 'RETRYING', 'RETRYING', 'SENT']);
});

says("around", "A message that could not be sent is FAILED and kept: the error has it as unsent, with the client's id; retrySend sends it with the same client_id, recall forgets it.", async () => {
  const cut = () => Promise.reject(new TypeError('cut'));
  const { sent, client: c } = await signedIn({ defaultOrganizationId: organization, retry: { attempts: 1 } }, [cut, cut, undefined, cut]);
  const states = followed(c);
  const failed = async (sending) => {
    try {
      await sending;
    } catch (error) {
      assert.equal(error.code, 'connection');
      return error.unsent;
    }
    return assert.fail('was sent');
  };
  const file = new File(['a'], 'a.txt', { type: 'text/plain' });
  const first = await failed(c.messages.sendToUser(user, 'x', { attachmentFile: file }));
  assert.deepEqual([first.senderStatus, first.id, first.body, first.recipientId, first.attachments[0].name], ['FAILED', sent[0].client_id, 'x', user, 'a.txt']);
  const again = await failed(c.messages.retrySend(first));
  const m = await c.messages.retrySend(again.id);
  assert.deepEqual([m.id, m.senderStatus], ['m', 'SENT']);
  assert.deepEqual(sent.map((s) => [s.client_id, s.attachment.name]), Array(3).fill([sent[0].client_id, 'a.txt']));
  assert.deepEqual(states, ['SENDING', 'FAILED', 'SENDING', 'FAILED', 'SENDING', 'SENT']);
  await assert.rejects(c.messages.retrySend(first), { argument: 'message' });
  const other = await failed(c.messages.sendToUser(user, 'y'));
  assert.deepEqual(await c.messages.recall(other), [true]);
  await assert.rejects(c.messages.retrySend(other), { argument: 'message' });
  assert.equal(sent.length, 4);
});

says("around", "When the session ends elsewhere (401) the client is signed out and says so once; the message is FAILED, and can be sent after signing in again.", async () => {
  const { sent, client: c } = await signedIn(undefined, [() => json({ status: 'fail', error: { code: 'unauthorized', message: 'no', status: 401 } }, { status: 401 })]);
  const out = [], signed = [];
  c.on('signedOut', (who, reason) => out.push([who.id, reason.code])).on('signedIn', (who) => signed.push(who.id));
  let unsent;
  await assert.rejects(c.messages.sendToUser(user, 'x'), (error) => {
    unsent = error.unsent;
    return error.code === 'unauthorized';
  });
  assert.deepEqual([unsent.senderStatus, out], ['FAILED', [['me', 'unauthorized']]]);
  await assert.rejects(c.messages.retrySend(unsent), { code: 'not-signed-in' });
  await c.signInWithApiKeyAndSecret('key2', 'secret2');
  assert.equal((await c.messages.retrySend(unsent)).senderStatus, 'SENT');
  assert.equal(sent[1].client_id, sent[0].client_id);
  assert.deepEqual(signed, ['me']);
});

test('a listener can go, and one that throws keeps nothing from others', () => {
  const program = `
    import { Emitter } from ${JSON.stringify(new URL('../dist/emitter.js', import.meta.url).href)};
    process.on('uncaughtException', (error) => console.log(error.message));
    const gone = () => console.log('gone');
    const emitter = new Emitter().on('x', () => { throw new Error('thrown'); }).on('x', gone).on('x', (value) => console.log(value)).removeListener('x', gone);
    emitter.emit('x', 'heard');`;
  assert.equal(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }), 'heard\nthrown\n');
});
