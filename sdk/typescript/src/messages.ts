import { idOf, inOrder, outgoing, type Ref, type SendOptions } from './arguments.js';
import type { Emitter } from './emitter.js';
import { ArgumentError, NotFoundError } from './errors.js';
import { formOf } from './form.js';
import { type Message, type MessageStatusPerRecipient, messageOf, statusesOf } from './models.js';
import type { Session } from './session.js';
import { type Pending, Unsent } from './unsent.js';

/** Sends messages, and says what became of them. */
export class Messages {
  readonly unsent: Unsent;
  constructor(
    private readonly session: Session,
    emitter: Emitter,
  ) {
    this.unsent = new Unsent(emitter);
  }

  /** Sends to a user of an organization, by id, e-mail address, telephone number or model; to a role by its id. */
  async sendToUser(userId: Ref, body: string, options?: SendOptions | null): Promise<Message> {
    inOrder('userId', userId, body, '(userId, body)');
    const id = idOf('userId', userId, '(userId, body)');
    if (this.session.isMe(id)) throw new ArgumentError('userId', 'is the user who sends');
    return this.send(id, body, options, { recipient_type: 'user' });
  }

  /** Sends to a group, forum or team, by its id. */
  async sendToGroup(groupId: Ref, body: string, options?: SendOptions | null): Promise<Message> {
    inOrder('groupId', groupId, body, '(groupId, body)');
    return this.send(idOf('groupId', groupId, '(groupId, body)'), body, options, { recipient_type: 'group' });
  }

  /** Sends to users, who become a new group with the sender. */
  async sendToGroupOfUsers(userIds: Ref[], body: string, options?: SendOptions | null): Promise<Message> {
    if (!Array.isArray(userIds) || userIds.length < 2) throw new ArgumentError('userIds', 'must be an array of two users or more; expected (userIds, body)');
    const ids = userIds.map((id, i) => idOf(`userIds[${i}]`, id, '(userIds, body)'));
    return this.send(ids, body, options, {});
  }

  /** Sends to whoever is on duty for a role. */
  async sendToRole(roleId: Ref, body: string, options?: SendOptions | null): Promise<Message> {
    inOrder('roleId', roleId, body, '(roleId, body)');
    return this.send(idOf('roleId', roleId, '(roleId, body)'), body, options, { recipient_type: 'role' });
  }

  /** Sends to everybody on a list, one by one. */
  async sendToDistributionList(listId: Ref, body: string, options?: SendOptions | null): Promise<Message> {
    inOrder('listId', listId, body, '(listId, body)');
    return this.send(idOf('listId', listId, '(listId, body)'), body, options, { recipient_type: 'list' });
  }

  private async send(recipient: string | string[], body: string, options: SendOptions | null | undefined, more: Record<string, unknown>): Promise<Message> {
    this.session.signedIn();
    const sent = await outgoing(recipient, body, options, { organization: this.session.defaultOrganization, group: Array.isArray(recipient) });
    Object.assign(sent.fields, more);
    const me = this.session.user, id = this.session.me(sent.organization) ?? me?.id;
    return this.deliver(this.unsent.begin(sent, me === undefined || id === undefined ? undefined : { id, displayName: me.displayName }));
  }

  private async deliver(pending: Pending): Promise<Message> {
    const { sent } = pending, files = sent.attachment !== undefined || sent.avatar !== undefined;
    try {
      this.session.signedIn();
      this.unsent.became(pending, 'SENDING');
      const { reply } = await this.session.transport.call('POST', '/message?response_format=message', {
        ...(files ? { form: formOf(sent.fields, { avatar: sent.avatar, attachment: sent.attachment }) } : { body: sent.fields }), organization: sent.organization, again: true, // the client_id sends it once
        onRetry: () => this.unsent.became(pending, 'RETRYING'),
      });
      pending.message = messageOf(reply, true);
    } catch (error) {
      throw this.unsent.fail(pending, error);
    }
    this.unsent.became(pending, 'SENT');
    return pending.message;
  }

  /** Sends a message that has failed once more, with its client id, so that it is not there twice. */
  async retrySend(message: Ref): Promise<Message> {
    this.session.signedIn();
    return this.deliver(this.unsent.take(idOf('message', message, '(message)')));
  }

  /** What has become of a message with each recipient. */
  async findRecipientStatus(message: Ref, options?: { organizationId?: string }): Promise<MessageStatusPerRecipient[]> {
    const id = idOf('message', message, '(message)');
    const { reply } = await this.session.get(`/message/${encodeURIComponent(id)}/status`, organizationIn(message, options));
    return statusesOf(id, reply.statuses);
  }

  /** A message, by its id. */
  async find(message: Ref, options?: { organizationId?: string; ignoreNotFound?: boolean }): Promise<Message | null> {
    const id = idOf('message', message, '(message)');
    try {
      const { reply } = await this.session.get(`/message/${encodeURIComponent(id)}`, organizationIn(message, options));
      return messageOf(reply, this.session.isMe(reply.sender_token));
    } catch (error) {
      if (options?.ignoreNotFound && error instanceof NotFoundError) return null;
      throw error;
    }
  }

  /** Takes messages back, for all. Only their sender may. One that has failed is forgotten. */
  async recall(messages: Ref | Ref[], options?: { organizationId?: string }): Promise<boolean[]> {
    const list = Array.isArray(messages) ? messages : [messages];
    const ids = list.map((m) => idOf('messages', m, '(messages)'));
    const done: boolean[] = [];
    for (const [i, id] of ids.entries()) {
      if (this.unsent.drop(id)) {
        done.push(true);
        continue;
      }
      const { reply } = await this.session.transport.call('DELETE', `/message/${encodeURIComponent(id)}`, {
        ...this.session.at(organizationIn(list[i], options)), again: true,
      });
      done.push(reply.is_recalled === true);
    }
    return done;
  }
}

function organizationIn(message: unknown, options: { organizationId?: string } | undefined): string | undefined {
  const own = typeof message === 'object' && message !== null ? (message as { organizationId?: string }).organizationId : undefined;
  return options?.organizationId ?? own;
}
