// parley-client/kustomer, against the server that PARLEY_SDK_TEST describes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile, rm } from 'node:fs/promises';
import { createKustomerClient, createMessageFromConversation, KustomerClientError } from 'parley-client/kustomer';
import { says } from './says.mjs';

const given = process.env.PARLEY_SDK_TEST;

if (!given) {
  console.warn('SKIPPED: PARLEY_SDK_TEST names no server; the Go test of this folder starts one');
} else {
  const world = JSON.parse(given).kustomer;
  const client = createKustomerClient({ baseUrl: world.baseUrl, auth: world.auth });
  const path = { id: world.conversation };
  const body = { channel: 'chat', app: 'acme-inbox', preview: 'Where is parcel 4417?' };

  says("answer", "In TypeScript createMessageFromConversation({client, path, body}) resolves with the resource.", async () => {
    const message = await createMessageFromConversation({ client, path, body: { ...body, direction: 'in', custom: { orderNumberStr: '4417' }, externalId: 'node:1' } });
    assert.equal(message.type, 'message');
    assert.match(message.id, /^[0-9a-f]{24}$/);
    assert.equal(message.attributes.preview, body.preview);
    assert.deepEqual(message.attributes.custom, { orderNumberStr: '4417' });
    assert.equal(message.attributes.externalId, 'node:1');
    assert.equal(message.relationships.customer.data.id, world.customer);
    assert.equal(message.links.self, `/kustomer/v1/messages/${message.id}`);
    assert.equal(message.data.id, message.id);
    assert.equal('data' in JSON.parse(JSON.stringify(message)), false);
  });

  says("answer", "In TypeScript it resolves with {data, error, response} where throwOnError is false.", async () => {
    const { data, error, response } = await createMessageFromConversation({ client, path, body, throwOnError: false });
    assert.equal(error, undefined);
    assert.equal(data.attributes.app, 'acme-inbox');
    assert.equal(response.status, 201);
    const quiet = createKustomerClient({ baseUrl: world.baseUrl + '/', auth: async () => world.auth, throwOnError: false });
    const refused = await createMessageFromConversation({ client: quiet, path, body: { ...body, channel: 'form' } });
    assert.equal(refused.data, undefined);
    assert.ok(refused.error instanceof KustomerClientError);
    assert.equal(refused.response.status, 400);
    await assert.rejects(createMessageFromConversation({ client: quiet, path, body: { ...body, channel: 'form' }, throwOnError: true }), KustomerClientError);
  });

  says("errors", "In TypeScript a refusal rejects with an error that has the code and the status of the answer, and all that is wrong.", async () => {
    const failure = async (change, id = world.conversation) => {
      try {
        await createMessageFromConversation({ client, path: { id }, body: { ...body, ...change } });
      } catch (error) {
        return error;
      }
      assert.fail('it was accepted');
    };
    const wrong = await failure({ colour: 'red', direction: 'up' });
    assert.ok(wrong instanceof KustomerClientError && wrong instanceof Error);
    assert.equal(wrong.code, 'bad_request');
    assert.equal(wrong.status, 400);
    assert.match(wrong.message, /Invalid request body/);
    assert.deepEqual(wrong.errors.map((e) => e.source.pointer).sort(), ['/colour', '/direction']);
    assert.equal((await failure({ externalId: 'node:1' })).status, 409);
    assert.equal((await failure({}, 'a/b')).code, 'not_found');
    client.setConfig({ auth: 'nonsense' });
    assert.equal((await failure({})).status, 401);
    client.setConfig({ auth: world.auth });
  });

  says("errors", "In TypeScript an answer that does not come, or is no JSON, is an error of its own, and the request is made once.", async () => {
    let requests = 0;
    const answers = [() => Promise.reject(new Error('lost')), async () => new Response('<html>', { status: 502 }), async () => new Response('{"errors":[]}', { status: 500 })];
    for (const answer of answers) {
      const broken = createKustomerClient({ baseUrl: world.baseUrl, auth: 'x', fetch: () => (requests++, answer()) });
      const { error } = await createMessageFromConversation({ client: broken, path, body, throwOnError: false });
      assert.ok(error instanceof KustomerClientError);
    }
    assert.equal(requests, 3);
    await assert.rejects(createMessageFromConversation({ client: createKustomerClient({ auth: 'x' }), path, body }), TypeError);
  });

  says("around", "In TypeScript the program of the document that moves from the vendor's client works as it stands there.", async () => {
    const document = await readFile(new URL('../../../docs/kustomer.md', import.meta.url), 'utf8');
    const [, program] = /```ts\n([\s\S]*?)```/.exec(document);
    const address = 'https://your.server/kustomer/v1', key = 'process.env.KUSTOMER_API_KEY';
    assert.ok(program.includes(address) && program.includes(key));
    const file = new URL('../dist/moving.mjs', import.meta.url);
    await writeFile(file, `const conversation = '${world.conversation}';\n${program.replace(address, world.baseUrl).replace(key, JSON.stringify(world.auth))}export { message };\n`);
    try {
      const { message } = await import(file);
      assert.equal(message.attributes.preview, 'Where is parcel 4417?');
    } finally {
      await rm(file);
    }
  });
}

says("answer", "In TypeScript the compiler knows what the call is told, and by throwOnError what it resolves with.", () => {
  const options = ['--noEmit', '--strict', '--target', 'ES2022', '--module', 'NodeNext', '--moduleResolution', 'NodeNext', '--skipLibCheck', 'test/kustomer.types.ts'];
  execFileSync('node', ['node_modules/typescript/bin/tsc', ...options], { cwd: new URL('..', import.meta.url), stdio: ['ignore', 'inherit', 'inherit'] });
});
