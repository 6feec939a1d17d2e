// A program over the client that is generated from the vendor's description. It prints what came of its calls.
import { client } from './made/client.gen.js';
import { createMessageFromConversation, getMessage } from './made/sdk.gen.js';

client.setConfig({ baseUrl: process.env['BASE']!, auth: () => process.env['KEY']! });
const id = process.env['CONVERSATION']!;
// The description has no members in custom, where an organization's own attributes go.
const custom = { orderNumberStr: '4417' } as unknown as Record<string, never>;
const body = { channel: 'chat' as const, app: 'acme-inbox', direction: 'in' as const, preview: 'Where is parcel 4417?', custom };

const made = await createMessageFromConversation({ path: { id }, body, throwOnError: true });
const read = await getMessage({ path: { id: made.data.data.id }, throwOnError: true });
const refused = await createMessageFromConversation({ path: { id }, body: { ...body, channel: 'form' as 'chat' } });

console.log(JSON.stringify({
  id: made.data.data.id,
  app: made.data.data.attributes.app,
  direction: made.data.data.attributes.direction,
  size: made.data.data.attributes.size,
  customer: made.data.data.relationships.customer.data.id,
  self: made.data.data.links.self,
  status: made.response!.status,
  preview: read.data.data.attributes.preview,
  refused: refused.response!.status,
  data: refused.data ?? null,
  error: refused.error,
}));
