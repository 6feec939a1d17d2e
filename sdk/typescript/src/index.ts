export { Client, type ClientConfig, type SignedIn } from './client.js';
export type { AttachmentInput, MessageMetadataInput, Ref, SendOptions } from './arguments.js';
export type { StatusEvent } from './events.js';
export { ArgumentError, ConnectionError, NotFoundError, ParleyError, PermissionDeniedError, ServerError } from './errors.js';
export type { Attachment, Group, Id, Message, MessageMetadata, MessageStatusPerRecipient, Organization, Party, Priority, RecipientStatus, SenderStatus, User } from './models.js';
export type { RetryOptions } from './transport.js';
