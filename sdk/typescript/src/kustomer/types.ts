/** An id of 24 hexadecimal digits. */
export type ObjectId = string;

/** A time as RFC 3339 has it. */
export type DateTime = string;

/** What a message is recorded as. `channel` and `app` are required; nothing else may be there. */
export interface MessageBody {
  channel: 'email' | 'sms' | 'chat' | 'facebook' | 'twitter-dm' | 'twitter-tweet' | 'voice' | 'instagram' | 'whatsapp';
  app: string;
  id?: ObjectId;
  externalId?: string;
  customer?: ObjectId;
  conversation?: ObjectId;
  reference?: { message: ObjectId; type: 'reply' | 'replyAll' | 'forward' };
  preview?: string;
  subject?: string;
  direction?: 'in' | 'out';
  size?: number;
  related?: string;
  status?: 'sent' | 'received' | 'error';
  error?: { status?: number; code?: string; title?: string; detail?: string; source?: Json; meta?: Json; links?: Json };
  errorAt?: DateTime;
  auto?: boolean;
  sentAt?: DateTime;
  source?: 'bulk' | 'satisfaction';
  shortcuts?: ObjectId[];
  kbArticles?: ObjectId[];
  attachments?: ObjectId[] | { _id: ObjectId; name: string; contentType: string; contentLength: number; sourceId?: ObjectId }[];
  location?: Place;
  meta?: Json;
  custom?: Json;
  sentiment?: { polarity: -1 | 0 | 1; confidence: number };
  createdAt?: DateTime;
  modifiedAt?: DateTime;
  createdBy?: ObjectId;
  modifiedBy?: ObjectId;
  importedAt?: DateTime;
  lang?: string | null;
  queue?: { id: ObjectId } | { external: 'amazon-connect' };
}

/** Any object. */
export type Json = Record<string, unknown>;

/** Where somebody is. */
export interface Place {
  name?: string;
  address?: string;
  address2?: string;
  address3?: string;
  latitude?: number;
  longitude?: number;
  countryCode?: string;
  countryName?: string;
  regionCode?: string;
  regionName?: string;
  cityName?: string;
  zipCode?: string;
  areaCode?: string;
}

/** A thing that another is related to. */
export interface Related {
  links: { self: string };
  data: { type: string; id: ObjectId };
}

/** A recorded message. */
export interface Message {
  type: 'message';
  id: ObjectId;
  attributes: {
    channel: string;
    app: string;
    size: number;
    direction: 'in' | 'out';
    directionType: 'initial-in' | 'initial-out' | 'response-in' | 'response-out' | 'followup-in' | 'followup-out';
    preview: string;
    subject: string | null;
    externalId: string | null;
    meta: Json;
    custom: Json;
    sentiment: { polarity?: number; confidence?: number };
    status: 'sent' | 'received' | 'error';
    auto: boolean;
    redacted: boolean;
    lang: string | null;
    rev: number;
    sentAt: DateTime;
    createdAt: DateTime;
    updatedAt: DateTime;
    modifiedAt: DateTime;
    [name: string]: unknown;
  };
  relationships: {
    org: Related;
    createdBy: Related;
    modifiedBy: Related;
    customer: Related;
    conversation: Related;
    attachments?: { links: { self: string }; data: { type: string; id: ObjectId }[] };
    shortcuts?: { data: { type: string; id: ObjectId }[] };
    kbArticles?: { data: { type: string; id: ObjectId }[] };
  };
  links: { self: string; related: string };
}

/** One thing that is wrong with a request. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  message: string;
  detail: string;
  source: { pointer?: string; parameters: string };
  meta: Json;
}
