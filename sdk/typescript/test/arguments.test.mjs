// What is wrong with arguments is said before any request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArgumentError, Client } from '../dist/index.js';

const user = 'dc6nu988d1cb7krui4b0';
const organization = 'dc6nu808d1cb7krui3b0';

function client(config = {}) {
  const asked = [];
  const answers = {
    '/user/me/organization': { organizations: [{ token: organization, name: 'A', display_name: 'A', user_token: 'me' }, { token: 'b', name: 'B', display_name: 'B', user_token: 'me2' }] },
    '/user/me': { token: 'me', display_name: 'Ana', first_name: 'Ana', last_name: '', organization_key: organization, metadata: {} },
  };
  const fetch = async (url) => {
    const path = url.slice('http://127.0.0.1:9/tigerconnect/v2'.length);
    asked.push(path);
    return new Response(JSON.stringify({ status: 'success', reply: answers[path] }));
  };
  return { asked, client: new Client({ baseUrl: 'http://127.0.0.1:9/tigerconnect/v2/', partnerName: 'test', fetch, ...config }) };
}

async function signedIn(config) {
  const made = client(config);
  await made.client.signInWithApiKeyAndSecret('key', 'secret');
  made.asked.length = 0;
  return made;
}

const cyclic = {};
cyclic.self = cyclic;

const wrong = [
  ['no recipient', [undefined, 'hello'], 'userId'],
  ['an empty recipient', ['', 'hello'], 'userId'],
  ['a model without an id', [{}, 'hello'], 'userId'],
  ['swapped ids', ['hello there', user], 'userId'],
  ['a swapped word', ['hello', user], 'userId'],
  ['a swapped address', ['hello', 'bo@example.org'], 'userId'],
  ['a swapped model', ['hello', { id: user }], 'userId'],
  ['no body', [user], 'body'],
  ['an empty body', [user, ''], 'body'],
  ['a body that is none', [user, {}], 'body'],
  ['options that are none', [user, 'x', 'y'], 'options'],
  ['an option that is none', [user, 'x', { prioritty: 'HIGH' }], 'options'],
  ['ttl 0', [user, 'x', { ttl: 0 }], 'ttl'],
  ['ttl -2', [user, 'x', { ttl: -2 }], 'ttl'],
  ['ttl 1.5', [user, 'x', { ttl: 1.5 }], 'ttl'],
  ['ttl of text', [user, 'x', { ttl: '5' }], 'ttl'],
  ['priority LOW', [user, 'x', { priority: 'LOW' }], 'priority'],
  ['deleteOnRead of text', [user, 'x', { deleteOnRead: 'yes' }], 'deleteOnRead'],
  ['escalate of text', [user, 'x', { escalate: 1 }], 'escalate'],
  ['a sender that is none', [user, 'x', { senderId: 5 }], 'senderId'],
  ['metadata that is none', [user, 'x', { metadata: 'y' }], 'metadata'],
  ['metadata without a namespace', [user, 'x', { metadata: [{ payload: 1 }] }], 'metadata[0].namespace'],
  ['a reserved namespace', [user, 'x', { metadata: { namespace: 'tigertext:message:alert', payload: 1 } }], 'metadata.namespace'],
  ['a payload with a circle', [user, 'x', { metadata: { namespace: 'a:b', payload: cyclic } }], 'metadata.payload'],
  ['a payload that is a function', [user, 'x', { metadata: { namespace: 'a:b', payload() {} } }], 'metadata.payload'],
  ['a payload of a big number', [user, 'x', { metadata: { namespace: 'a:b', payload: 1n } }], 'metadata.payload'],
  ['two files', [user, 'x', { attachmentFiles: [new Blob(['a']), new Blob(['b'])] }], 'attachmentFiles'],
  ['both kinds of files', [user, 'x', { attachmentFile: new Blob(['a']), attachmentFiles: [new Blob(['b'])] }], 'attachmentFiles'],
  ['a relative path', [user, 'x', { attachmentFile: 'a.png' }], 'attachmentFile'],
  ['a path of nothing', [user, 'x', { attachmentFile: '/nowhere/a.png' }], 'attachmentFile'],
  ['a file that is none', [user, 'x', { attachmentFile: 5 }], 'attachmentFile'],
];

for (const [what, args, argument] of wrong) {
  test(`sendToUser refuses ${what}`, async () => {
    const { asked, client: c } = await signedIn({ defaultOrganizationId: organization });
    await assert.rejects(c.messages.sendToUser(...args), (error) => {
      assert.ok(error instanceof ArgumentError, String(error));
      assert.equal(error.code, 'invalid-argument');
      assert.equal(error.argument, argument);
      if (what.startsWith('swapped') || what.startsWith('a swapped')) assert.match(error.message, /expected \(userId, body\)/);
      return true;
    });
    assert.deepEqual(asked, [], 'nothing was requested');
  });
}

test('an organization is needed where there are several and no default', async () => {
  const { asked, client: c } = await signedIn();
  await assert.rejects(c.messages.sendToUser(user, 'x'), { argument: 'organizationId' });
  assert.deepEqual(asked, []);
});

test('somebody has to be signed in', async () => {
  const { asked, client: c } = client({ defaultOrganizationId: organization });
  await assert.rejects(c.messages.sendToUser(user, 'x'), { code: 'not-signed-in' });
  await assert.rejects(c.signInWithApiKeyAndSecret('', 'x'), { argument: 'key' });
  await assert.rejects(c.signInWithApiKeyAndSecret('x'), { argument: 'secret' });
  assert.deepEqual(asked, []);
});

test('the configuration is checked', () => {
  for (const config of [undefined, null, {}, { baseUrl: 'nowhere' }, { baseUrl: 'ftp://example.org' }]) assert.throws(() => new Client(config), ArgumentError);
});

test('what is refused for now is sent again with the same client_id', async () => {
  const sent = [];
  const message = { message_id: 'm', body: 'x', sender_token: 'me', sender_display_name: 'Ana', sender_organization: organization, recipient_token: user, recipient_organization: organization,
    conversation_id: 'c', created_time: '2026-11-20T11:31:55.256Z', ttl: -1, dor: false, priority: 0, sort_number: 1, sort_series: 0, attachments: [], data: [], status: 'New', is_recalled: false };
  const steps = [() => new Response('{}', { status: 429, headers: { 'Retry-After': '0' } }), () => Promise.reject(new TypeError('cut')), () => new Response('{}', { status: 503, headers: { 'Retry-After': '0' } }),
    () => new Response(JSON.stringify({ status: 'success', reply: message }))];
  const { client: c } = await signedIn({ defaultOrganizationId: organization });
  const failing = new Client({ baseUrl: 'http://127.0.0.1:9/v2', defaultOrganizationId: organization, retry: { longest: 1 }, fetch: async (url, init) => {
    if (!url.includes('/message')) return c.constructor && new Response(JSON.stringify({ status: 'success', reply: url.endsWith('organization') ? { organizations: [] } : { token: 'me', metadata: {} } }));
    sent.push(JSON.parse(init.body).client_id);
    return steps[sent.length - 1]();
  } });
  await failing.signInWithApiKeyAndSecret('k', 's');
  assert.equal((await failing.messages.sendToUser(user, 'x')).id, 'm');
  assert.equal(sent.length, 4);
  assert.ok(sent.every((id) => id === sent[0] && /^[0-9a-f-]{36}$/.test(id)), String(sent));
});
