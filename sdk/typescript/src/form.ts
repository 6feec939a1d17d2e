import type { NamedFile } from './arguments.js';

/** What is sent as a form. */
export interface Form {
  content: Blob;
  type: string;
}

/** The part of a form that has a name, up to its content. */
function opening(boundary: string, disposition: string, type?: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`;
}

const quoted = (name: string) => `"${name.replace(/[\\"]/g, '\\$&').replace(/[\r\n]+/g, ' ')}"`;

/** A form whose texts stay as they are: FormData would write the ends of their lines in another way. The fields come before the files. */
export function formOf(fields: Record<string, unknown>, files: Record<string, NamedFile | undefined>): Form {
  const boundary = `parley-${globalThis.crypto.randomUUID()}`, parts: BlobPart[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) parts.push(opening(boundary, `name=${quoted(name)}`), typeof value === 'object' ? JSON.stringify(value) : String(value), '\r\n');
  }
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue;
    parts.push(opening(boundary, `name=${quoted(name)}; filename=${quoted(file.name)}`, file.content.type || 'application/octet-stream'), file.content, '\r\n');
  }
  return { content: new Blob([...parts, `--${boundary}--\r\n`]), type: `multipart/form-data; boundary=${boundary}` };
}
