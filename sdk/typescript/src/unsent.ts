import type { Outgoing } from './arguments.js';
import type { Emitter } from './emitter.js';
import { ArgumentError, ParleyError } from './errors.js';
import type { Id, Message, Party, SenderStatus } from './models.js';

/** A message on its way, which has the id of the client until the server has it. */
export interface Pending {
  sent: Outgoing;
  message: Message;
}

const most = 100;

/** The messages that have failed. They can be sent again, under the same client id. */
export class Unsent {
  private readonly failed = new Map<Id, Pending>();
  constructor(private readonly emitter: Emitter) {}

  /** A message that is about to be sent. */
  begin(sent: Outgoing, sender: Party | undefined): Pending {
    const f = sent.fields, clientId = f['client_id'] as Id, recipient: Party = { id: [f['recipient']].flat().join(',') };
    const from: Party = { id: (f['sender_token'] as Id | undefined) ?? sender?.id ?? '' };
    if (sender !== undefined && from.id === sender.id && sender.displayName !== undefined) from.displayName = sender.displayName;
    return {
      sent,
      message: {
        id: clientId, serverId: '', clientId, body: f['body'] as string, senderId: from.id, sender: from, recipientId: recipient.id, recipient,
        organizationId: sent.organization, organization: { id: sent.organization }, senderOrganizationId: sent.organization,
        recipientOrganizationId: f['recipient_organization'] as Id, conversationId: '', createdAt: new Date(), sortNumber: 0, sortSeries: 0,
        priority: f['priority'] === 1 ? 'HIGH' : 'NORMAL', ttl: (f['ttl'] as number | undefined) ?? -1, deleteOnRead: f['dor'] === true,
        attachments: sent.attachment === undefined ? [] : [{ id: '1', name: sent.attachment.name, contentType: sent.attachment.content.type, size: sent.attachment.content.size }],
        metadata: sent.metadata, messageType: 'USER_SENT', subType: 'NA', isOutgoing: true, isRecalled: false, senderStatus: 'NEW', statusesPerRecipient: [],
      },
    };
  }

  /** Says how far a message is, and tells the program. */
  became(pending: Pending, status: SenderStatus): void {
    pending.message.senderStatus = status;
    this.emitter.emit('message:senderStatus', pending.message);
  }

  /** Keeps a message that has failed, and gives it to the error that says why. */
  fail(pending: Pending, error: unknown): unknown {
    this.failed.delete(pending.message.id);
    this.failed.set(pending.message.id, pending);
    for (const id of this.failed.keys()) if (this.failed.size > most) this.failed.delete(id);
    if (error instanceof ParleyError) error.unsent = pending.message;
    this.became(pending, 'FAILED');
    return error;
  }

  take(id: Id): Pending {
    const pending = this.failed.get(id);
    if (pending === undefined) throw new ArgumentError('message', 'is none that has failed');
    this.failed.delete(id);
    return pending;
  }

  /** Forgets a message that has failed; reports whether it was one. */
  drop(id: Id): boolean {
    return this.failed.delete(id);
  }

  clear(): void {
    this.failed.clear();
  }
}
