/** The documented call of Kustomer's API, against a Parley server. */
import { type KustomerClient, KustomerClientError, type Outcome, request } from './client.js';
import type { Message, MessageBody, ObjectId } from './types.js';

export { createKustomerClient, type ClientConfig, type KustomerClient, KustomerClientError } from './client.js';
export type * from './types.js';

/** A resource, which is also found as the `data` of itself: where programs take the answer's body apart, they find it there. */
export type Resource<T> = T & { readonly data: T };

/** What `createMessageFromConversation` is told. */
export interface CreateMessageOptions<ThrowOnError extends boolean = true> {
  client: KustomerClient;
  path: { id: ObjectId };
  body: MessageBody;
  /** Whether a refusal rejects; as the client says when left out. */
  throwOnError?: ThrowOnError;
}

/** What came of the call where a refusal does not reject. */
export type MessageOutcome = Outcome<Resource<Message>>;

/** What the call resolves with. */
export type MessageResult<ThrowOnError extends boolean> = ThrowOnError extends true ? Resource<Message> : MessageOutcome;

/**
 * Records a message in a conversation. It resolves with the message when the server has it on disk. Where `throwOnError` is false
 * it resolves with `{data, error, response}` instead of rejecting.
 */
export async function createMessageFromConversation<ThrowOnError extends boolean = true>(options: CreateMessageOptions<ThrowOnError>): Promise<MessageResult<ThrowOnError>> {
  const { client, path, body } = options;
  const answer = await request<{ data: Message }>(client, 'POST', `/conversations/${encodeURIComponent(path.id)}/messages`, body);
  const throws = options.throwOnError ?? client.getConfig().throwOnError ?? true;
  if (answer.error !== undefined) {
    if (throws) throw answer.error satisfies KustomerClientError;
    return answer as MessageResult<ThrowOnError>;
  }
  const message = answer.data.data;
  Object.defineProperty(message, 'data', { value: message, enumerable: false });
  if (throws) return message as MessageResult<ThrowOnError>;
  return { data: message, error: undefined, response: answer.response } as MessageResult<ThrowOnError>;
}
