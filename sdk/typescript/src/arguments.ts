import { ArgumentError } from './errors.js';
import { parsed } from './models.js';
import type { Id, MessageMetadata, Priority } from './models.js';

/** A model, or its id. */
export type Ref = Id | { id: Id };
type Opt<T> = T | null | undefined;

export interface MessageMetadataInput {
  namespace: string;
  payload: unknown;
  mimetype?: string;
}

/** A File or Blob; in Node also bytes, or the absolute path of a file. */
export type AttachmentInput = Blob | Uint8Array | string;

/** The options of sends. Those of groups are used where a send makes one, and ignored otherwise. */
export interface SendOptions {
  /** In which organization; the client's default otherwise. */
  organizationId?: Opt<Id>;
  senderOrganizationId?: Opt<Id>;
  recipientOrganizationId?: Opt<Id>;
  /** One file. */
  attachmentFile?: Opt<AttachmentInput>;
  /** The same, as a list of one. */
  attachmentFiles?: Opt<AttachmentInput[]>;
  deleteOnRead?: Opt<boolean>;
  escalate?: Opt<boolean>;
  metadata?: Opt<MessageMetadataInput | MessageMetadataInput[]>;
  priority?: Opt<Priority>;
  /** A role that the user is on duty for at the moment; otherwise the user. */
  senderId?: Opt<Ref>;
  /** Minutes to live; -1: for ever. */
  ttl?: Opt<number>;
  groupName?: Opt<string>;
  description?: Opt<string>;
  avatarFile?: Opt<AttachmentInput>;
  groupMetadata?: Opt<Record<string, string>>;
}

const known = new Set(['organizationId', 'senderOrganizationId', 'recipientOrganizationId', 'attachmentFile', 'attachmentFiles', 'deleteOnRead', 'escalate',
  'metadata', 'priority', 'senderId', 'ttl', 'groupName', 'description', 'avatarFile', 'groupMetadata']);

const maxFile = 100 * 1024 * 1024;
const maxMinutes = 100 * 365 * 24 * 60;
const maxDescription = 300;
const maxMetadata = 50;
const maxPayload = 64 * 1024; // bytes of all together
const maxNamespace = 200; // bytes
const maxBody = 100_000; // characters

/** A file with the name that it is sent under. */
export interface NamedFile {
  content: Blob;
  name: string;
}

/** What is sent, checked. */
export interface Outgoing {
  fields: Record<string, unknown>;
  organization: Id;
  /** As the message has it. */
  metadata: MessageMetadata[];
  attachment?: NamedFile;
  avatar?: NamedFile;
}

const address = /^(?:[0-9a-v]{20}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^\s@]+@[^\s@]+\.[^\s@]+|\+[0-9]{5,15})$/i;

/** The id that a model or an id is. */
export function idOf(name: string, value: unknown, order: string): Id {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : value;
  if (typeof id !== 'string' || id.trim() === '') {
    throw new ArgumentError(name, `must be an id or a model that has one; expected ${order}`);
  }
  return id;
}

/** Recognizes arguments in the wrong order: the second is a recipient, or what should be the first can be none. */
export function inOrder(name: string, first: unknown, body: unknown, order: string): void {
  const id = typeof first === 'object' && first !== null && !Array.isArray(first) ? (first as { id?: unknown }).id : first;
  const swapped = typeof body === 'object' && body !== null && 'id' in body;
  const looks = typeof body === 'string' && address.test(body) && typeof id === 'string' && !address.test(id);
  if (swapped || looks || (typeof id === 'string' && /\s/.test(id.trim()))) {
    throw new ArgumentError(name, `is no recipient; expected ${order}`);
  }
}

function optional<T>(name: string, value: unknown, type: string): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) throw new ArgumentError(name, `must be a ${type}`);
  return value as T;
}

/** What programs add to a message, as it is sent. */
interface Datum {
  namespace: string;
  mimetype: string;
  payload: string;
}

/** How many bytes a text has. */
const sizeOf = (text: string) => new TextEncoder().encode(text).length;

function metadataOf(value: SendOptions['metadata']): Datum[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length > maxMetadata) throw new ArgumentError('metadata', `must be at most ${maxMetadata}`);
  const data = list.map((m, i) => {
    const at = Array.isArray(value) ? `metadata[${i}]` : 'metadata';
    if (typeof m !== 'object' || m === null) throw new ArgumentError(at, 'must be an object with namespace and payload');
    if (typeof m.namespace !== 'string' || m.namespace.trim() === '') throw new ArgumentError(`${at}.namespace`, 'must be a string, as vendor:name');
    if (m.namespace.trim().toLowerCase().startsWith('tigertext:')) throw new ArgumentError(`${at}.namespace`, 'must not begin with tigertext:');
    if (sizeOf(m.namespace) > maxNamespace) throw new ArgumentError(`${at}.namespace`, `must be at most ${maxNamespace} bytes`);
    const mimetype = optional<string>(`${at}.mimetype`, m.mimetype, 'string') ?? 'application/json';
    let payload: string | undefined;
    try {
      payload = mimetype === 'application/json' || typeof m.payload !== 'string' ? JSON.stringify(m.payload) : m.payload;
    } catch (error) {
      throw new ArgumentError(`${at}.payload`, `cannot be written as JSON: ${String(error)}`);
    }
    if (payload === undefined) throw new ArgumentError(`${at}.payload`, 'must be something that can be written as JSON');
    if (`${m.namespace}${mimetype}${payload}`.includes('\0')) throw new ArgumentError(at, 'must not have the character U+0000');
    return { namespace: m.namespace, mimetype, payload };
  });
  if (data.reduce((size, d) => size + sizeOf(d.payload), 0) > maxPayload) {
    throw new ArgumentError('metadata', `must have at most ${maxPayload} bytes of payload`);
  }
  return data;
}

function ttlOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || (value !== -1 && (value < 1 || value > maxMinutes))) {
    throw new ArgumentError('ttl', `must be a whole number of minutes from 1 to ${maxMinutes}, or -1 for no end`);
  }
  return value;
}

function priorityOf(value: unknown): number | undefined {
  if (value === undefined || value === null || value === 'NORMAL') return undefined;
  if (value !== 'HIGH') throw new ArgumentError('priority', "must be 'NORMAL' or 'HIGH'");
  return 1;
}

function textsOf(name: string, value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value) || Object.values(value).some((v) => typeof v !== 'string')) {
    throw new ArgumentError(name, 'must be an object whose values are strings');
  }
  return value as Record<string, string>;
}

/** Whether this is Node, where files have paths. */
const inNode = typeof process === 'object' && typeof process.versions?.node === 'string';

async function fileOf(name: string, value: unknown): Promise<NamedFile> {
  let content: Blob, called = 'attachment';
  if (typeof value === 'string') {
    if (!inNode) throw new ArgumentError(name, 'must be a File or Blob: a browser has no paths');
    const path = await import('node:path');
    if (!path.isAbsolute(value)) throw new ArgumentError(name, 'must be an absolute path, a Buffer, a File or a Blob');
    const fs = await import('node:fs');
    try {
      if (!(await fs.promises.stat(value)).isFile()) throw new Error('it is no file');
      content = await fs.openAsBlob(value, { type: typeOf(value) });
    } catch (error) {
      throw new ArgumentError(name, `cannot be read: ${String(error)}`);
    }
    called = path.basename(value);
  } else if (value instanceof Uint8Array) {
    content = new Blob([value as Uint8Array<ArrayBuffer>]);
  } else if (value instanceof Blob) {
    content = value;
    if (typeof (value as File).name === 'string' && (value as File).name !== '') called = (value as File).name;
  } else {
    throw new ArgumentError(name, inNode ? 'must be an absolute path, a Buffer, a File or a Blob' : 'must be a File or Blob');
  }
  const type = content.type.split(';')[0]!.trim().toLowerCase();
  if (!accepted.has(type)) throw new ArgumentError(name, `must be an image, audio, video, PDF, Office document, plain text or CSV, not ${type}`);
  if (content.size > maxFile) throw new ArgumentError(name, `must be at most ${maxFile} bytes`);
  return { content, name: called };
}

const types: Record<string, string> = {
  jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', gif: 'image/gif', bmp: 'image/bmp', tif: 'image/tiff', tiff: 'image/tiff', mp3: 'audio/mpeg', m4a: 'audio/x-m4a',
  wav: 'audio/wav', mp4: 'video/mp4', mov: 'video/quicktime', pdf: 'application/pdf', txt: 'text/plain', csv: 'text/csv', doc: 'application/msword',
  xls: 'application/vnd.ms-excel', ppt: 'application/vnd.ms-powerpoint', docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
};

/** The types that are sent; of what says nothing the server finds out. */
const accepted = new Set(['', 'application/octet-stream', ...Object.values(types), 'image/jpg', 'image/pjpeg', 'image/x-png', 'image/x-ms-bmp', 'audio/mp4', 'audio/m4a', 'audio/mp3', 'audio/mpeg3',
  'audio/x-mpeg-3', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave', 'video/x-m4v']);

function typeOf(path: string): string {
  return types[path.slice(path.lastIndexOf('.') + 1).toLowerCase()] ?? '';
}

function oneFile(o: SendOptions): unknown {
  const one = o.attachmentFile ?? undefined, list = o.attachmentFiles ?? undefined;
  if (list === undefined) return one;
  if (!Array.isArray(list)) throw new ArgumentError('attachmentFiles', 'must be an array of one file');
  if (one !== undefined) throw new ArgumentError('attachmentFiles', 'does not go with attachmentFile');
  if (list.length > 1) throw new ArgumentError('attachmentFiles', 'must be at most one file');
  if (list.length === 1 && (list[0] === undefined || list[0] === null)) throw new ArgumentError('attachmentFiles', 'must have a file');
  return list[0];
}

function textOf(body: unknown): string {
  if (typeof body !== 'string' && (typeof body !== 'number' || !Number.isFinite(body))) throw new ArgumentError('body', 'must be a string');
  const text = String(body);
  if (text.length > maxBody && [...text].length > maxBody) throw new ArgumentError('body', `must be at most ${maxBody} characters`);
  if (text.includes('\0')) throw new ArgumentError('body', 'must not have the character U+0000');
  return text;
}

/** Checks everything that is to be said of a message, before any request. */
export async function outgoing(recipient: unknown, body: unknown, given: SendOptions | null | undefined, defaults: { organization?: Id | undefined; group: boolean }): Promise<Outgoing> {
  const o = given ?? {};
  if (typeof o !== 'object' || Array.isArray(o)) throw new ArgumentError('options', 'must be an object');
  for (const name of Object.keys(o)) {
    if (!known.has(name)) throw new ArgumentError('options', `has no ${name}; there are ${[...known].join(', ')}`);
  }
  const text = textOf(body);
  const from = optional<string>('senderOrganizationId', o.senderOrganizationId, 'string') ?? optional<string>('organizationId', o.organizationId, 'string') ?? defaults.organization;
  if (from === undefined || from === '') throw new ArgumentError('organizationId', 'must be there, as the client has no defaultOrganizationId');
  const data = metadataOf(o.metadata), file = oneFile(o);
  if (text === '' && file === undefined && (data === undefined || data.length === 0)) throw new ArgumentError('body', 'must not be empty unless there is an attachment or metadata');
  const fields: Record<string, unknown> = {
    recipient, body: text, sender_organization: from, recipient_organization: optional<string>('recipientOrganizationId', o.recipientOrganizationId, 'string') ?? from,
    ttl: ttlOf(o.ttl), dor: optional<boolean>('deleteOnRead', o.deleteOnRead, 'boolean'), escalate: optional<boolean>('escalate', o.escalate, 'boolean'),
    priority: priorityOf(o.priority), data, sender_token: o.senderId === undefined || o.senderId === null ? undefined : idOf('senderId', o.senderId, 'a role or the user'),
    client_id: globalThis.crypto.randomUUID(),
  };
  const metadata = (data ?? []).map((d) => ({ ...d, payload: parsed(d.payload) }));
  const sent: Outgoing = { fields, organization: from, metadata };
  if (defaults.group) {
    fields['group_name'] = optional<string>('groupName', o.groupName, 'string');
    const description = optional<string>('description', o.description, 'string');
    if (description !== undefined && [...description].length > maxDescription) throw new ArgumentError('description', `must be at most ${maxDescription} characters`);
    fields['description'] = description;
    fields['group_metadata'] = textsOf('groupMetadata', o.groupMetadata);
    if (o.avatarFile !== undefined && o.avatarFile !== null) sent.avatar = await fileOf('avatarFile', o.avatarFile);
  }
  if (file !== undefined && file !== null) sent.attachment = await fileOf('attachmentFile', file);
  return sent;
}
