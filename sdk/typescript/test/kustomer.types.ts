// What the compiler accepts and refuses. Each expected error must be one.
import { createKustomerClient, createMessageFromConversation, type Message, type MessageOutcome, type Resource } from 'parley-client/kustomer';

const client = createKustomerClient({ baseUrl: 'https://your.server/kustomer/v1', auth: () => 'key' });
const path = { id: '65bf0a1c9d3e4f0012ab34c2' };
const body = { channel: 'chat', app: 'acme-inbox' } as const;

const message: Message = await createMessageFromConversation({ client, path, body });
const also: Resource<Message> = await createMessageFromConversation<true>({ client, path, body });
const outcome: MessageOutcome = await createMessageFromConversation({ client, path, body, throwOnError: false });
const same: MessageOutcome = await createMessageFromConversation<false>({ client, path, body });
const text: string = message.attributes.preview + also.data.id + message.relationships.customer.data.id;
if (outcome.error === undefined) outcome.data.attributes.size.toFixed();
else outcome.error.status.toFixed();

// @ts-expect-error: the outcome may have no data
same.data.id;
// @ts-expect-error: app is required
await createMessageFromConversation({ client, path, body: { channel: 'chat' } });
// @ts-expect-error: form cannot be recorded
await createMessageFromConversation({ client, path, body: { channel: 'form', app: 'a' } });
// @ts-expect-error: there is no such attribute
await createMessageFromConversation({ client, path, body: { channel: 'chat', app: 'a', colour: 'red' } });
// @ts-expect-error: the path names the conversation
await createMessageFromConversation({ client, path: {}, body });

export { text };
