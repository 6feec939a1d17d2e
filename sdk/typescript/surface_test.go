package sdk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-server/parley/internal/doortest"
)

// check is a program that compiles where what programs have for the vendor's SDK fits this package: its configuration, the options and
// the result of a send, enums, errors and events.
const check = `
import type * as vendor from './surface.js';
import { Client, type ClientConfig, type SendOptions } from 'parley-client';

declare const config: vendor.ClientConfig & { baseUrl: string }, options: vendor.SendOptions, user: vendor.User;
const given: ClientConfig = config;
const ours = new Client(given);
const send: vendor.Client['messages']['sendToUser'] = (userId, body, o) => ours.messages.sendToUser(userId, body, o);
const group: vendor.Client['messages']['sendToGroupOfUsers'] = (ids, body, o) => ours.messages.sendToGroupOfUsers(ids, body, o);
const retry: vendor.Client['messages']['retrySend'] = (m) => ours.messages.retrySend(m);
const recall: vendor.Client['messages']['recall'] = (m) => ours.messages.recall(m);
const errors: vendor.Client['errors'] = ours.errors;
const enums: Pick<vendor.Client['enums'], 'MessagePriority' | 'MessageRecipientStatus' | 'MessageSenderStatus'> = ours.enums;
const on: vendor.Client['on'] = (event, listener) => { ours.on(event, listener); return undefined as any; };
const missing: Exclude<keyof vendor.SendOptions, keyof SendOptions> extends never ? true : false = true;
const invented: Exclude<keyof SendOptions, keyof vendor.SendOptions> extends never ? true : false = true;
const message = await ours.messages.sendToUser(user, 'x', options);
const statuses: vendor.MessageStatusPerRecipient[] = message.statusesPerRecipient;
const fields: [string, vendor.Priority, vendor.SenderStatus, number, boolean, Date] = [message.serverId, message.priority, message.senderStatus, message.ttl, message.deleteOnRead, message.createdAt];
export { send, group, retry, recall, errors, enums, on, missing, invented, statuses, fields };
`

// TestSurface: programs that compile with the vendor's SDK compile with this package, as far as it goes.
func TestSurface(t *testing.T) {
	surface := doortest.Specification(t, "tigerconnect/sdk-surface.d.ts")
	if surface == nil {
		t.Skip("SKIPPED: the vendor's description is not here")
	}
	built(t)
	here, folder := must[string](t)(os.Getwd()), t.TempDir()
	for _, err := range []error{os.Mkdir(filepath.Join(folder, "node_modules"), 0o755), os.Symlink(here, filepath.Join(folder, "node_modules", "parley-client")),
		os.Symlink(filepath.Join(here, "node_modules", "@types"), filepath.Join(folder, "node_modules", "@types")),
		os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type":"module"}`), 0o600),
		os.WriteFile(filepath.Join(folder, "surface.d.ts"), surface, 0o600), os.WriteFile(filepath.Join(folder, "check.ts"), []byte(check), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	run(t, nil, filepath.Join("node_modules", ".bin", "tsc"), "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--lib", "es2023,dom,dom.iterable",
		filepath.Join(folder, "check.ts"))
}
