export type Id = string;
export type Priority = 'NORMAL' | 'HIGH';
export type RecipientStatus = 'NEW' | 'DELIVERED' | 'READ' | 'NA';
export type SenderStatus = 'SENDING' | 'SENT' | 'FAILED' | 'RETRYING' | 'NEW' | 'NA';

/** Whoever or whatever a message is from or for, as far as the message says. */
export interface Party {
  id: Id;
  displayName?: string;
}

export interface Organization extends Party {
  name: string;
  /** Minutes that messages live where they do not say; -1: for ever. Where the organization was found by itself. */
  messageTimeToLive?: number;
  allowPriorityMessage?: boolean;
  /** The id of the signed-in user in it. */
  userId?: Id;
}

export interface User extends Party {
  displayName: string;
  firstName: string;
  lastName: string;
  organizationId: Id;
  isRoleBot: boolean;
  removedFromOrg: boolean;
  dnd: boolean;
  metadata: Record<string, string>;
}

export interface Group extends Party {
  name: string;
  displayName: string;
  description: string;
  memberIds: Id[];
  memberCount: number;
  isPublic: boolean;
  organizationId: Id;
  metadata: Record<string, string>;
}

export interface MessageMetadata {
  namespace: string;
  mimetype: string;
  /** An object where it is JSON, else the text. */
  payload: unknown;
}

export interface Attachment {
  id: Id;
  name: string;
  contentType: string;
  size: number;
}

export interface MessageStatusPerRecipient {
  id: string;
  messageId: Id;
  userId?: Id;
  distributionListId?: Id;
  recipientStatus: RecipientStatus;
  /** The same. */
  status: RecipientStatus;
  /** When it became so. */
  createdAt?: Date;
}

export interface Message {
  id: Id;
  serverId: Id;
  clientId: string;
  body: string;
  senderId: Id;
  sender: Party;
  /** The role as which it was sent. */
  currentSenderRole?: Party;
  recipientId: Id;
  recipient: Party;
  organizationId: Id;
  organization: Party;
  senderOrganizationId: Id;
  recipientOrganizationId: Id;
  conversationId: Id;
  createdAt: Date;
  sortNumber: number;
  sortSeries: number;
  priority: Priority;
  /** Minutes; -1: for ever. */
  ttl: number;
  deleteOnRead: boolean;
  expiresAt?: Date;
  expireIn?: number;
  attachments: Attachment[];
  metadata: MessageMetadata[];
  messageType: 'USER_SENT';
  subType: string;
  /** For whom it was forwarded, who does not want to be disturbed. */
  autoForwardedFrom?: Party;
  isAutoForwarded?: boolean;
  isOutgoing: boolean;
  isRecalled: boolean;
  /** SENDING, RETRYING, SENT or FAILED of one's own; NA of others'. */
  senderStatus: SenderStatus;
  statusesPerRecipient: MessageStatusPerRecipient[];
}

const roleSender = 'tigertext:message:role:sender';

const recipientStatuses: Record<string, RecipientStatus> = { New: 'NEW', Delivered: 'DELIVERED', Read: 'READ', Confirmed: 'READ' };

export function statusesOf(messageId: Id, list: any[] | undefined): MessageStatusPerRecipient[] {
  return (list ?? []).map((s) => {
    const status = recipientStatuses[s.status] ?? 'NA';
    const who = s.distribution_list_id === undefined ? { userId: s.account_id as Id } : { distributionListId: s.distribution_list_id as Id };
    const made: MessageStatusPerRecipient = { id: `${messageId}:${s.account_id}`, messageId, ...who, recipientStatus: status, status };
    if (s.timestamp !== undefined) made.createdAt = new Date(s.timestamp);
    return made;
  });
}

export function messageOf(m: any, isOutgoing: boolean): Message {
  const metadata: MessageMetadata[] = m.data.map((d: any) => ({ namespace: d.namespace, mimetype: d.mimetype, payload: parsed(d.payload) }));
  const sender: Party = { id: m.sender_token, displayName: m.sender_display_name };
  const made: Message = {
    id: m.message_id, serverId: m.message_id, clientId: m.client_id ?? '', body: m.body,
    senderId: sender.id, sender, recipientId: m.recipient_token, recipient: { id: m.recipient_token },
    organizationId: m.recipient_organization, organization: { id: m.recipient_organization },
    senderOrganizationId: m.sender_organization, recipientOrganizationId: m.recipient_organization,
    conversationId: m.conversation_id, createdAt: new Date(m.created_time), sortNumber: m.sort_number, sortSeries: m.sort_series,
    priority: m.priority === 1 ? 'HIGH' : 'NORMAL', ttl: m.ttl, deleteOnRead: m.dor,
    attachments: m.attachments.map((a: any) => ({ id: a.attachment_id, name: a.name, contentType: a['content-type'], size: a.size })),
    metadata, messageType: 'USER_SENT', subType: m.sub_type ? m.sub_type.toUpperCase() : 'NA', isOutgoing, isRecalled: m.is_recalled,
    senderStatus: isOutgoing ? 'SENT' : 'NA', statusesPerRecipient: statusesOf(m.message_id, m.statuses),
  };
  if (metadata.some((d) => d.namespace === roleSender)) made.currentSenderRole = sender;
  if (m.dnd_auto_forwarded_from !== undefined) {
    made.autoForwardedFrom = { id: m.dnd_auto_forwarded_from };
    made.isAutoForwarded = true;
  }
  if (m.expire_in !== undefined) {
    made.expireIn = m.expire_in;
    made.expiresAt = new Date(Date.now() + 1000 * m.expire_in);
  }
  return made;
}

export function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}

export function partyOf(p: any): Party {
  return { id: p.id, displayName: p.display_name };
}

export function organizationOf(o: any): Organization {
  const made: Organization = { id: o.token, name: o.name, displayName: o.display_name };
  if (o.message_time_to_live !== undefined) made.messageTimeToLive = o.message_time_to_live;
  if (o.allow_priority_message !== undefined) made.allowPriorityMessage = o.allow_priority_message;
  if (o.user_token !== undefined) made.userId = o.user_token;
  return made;
}

export function userOf(u: any): User {
  return {
    id: u.token, displayName: u.display_name, firstName: u.first_name, lastName: u.last_name, organizationId: u.organization_key,
    isRoleBot: u.is_role_bot, removedFromOrg: u.removed_from_org, dnd: u.dnd, metadata: u.metadata,
  };
}

export function groupOf(g: any): Group {
  return {
    id: g.token, name: g.name, displayName: g.name, description: g.description, memberIds: g.members, memberCount: g.num_members,
    isPublic: g.is_public, organizationId: g.organization_key, metadata: g.metadata,
  };
}
