package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reference anew")

const referenceFile = "../../docs/configuration.md"

// TestReferenceIsFresh compares the reference with what the struct says; go generate writes it.
func TestReferenceIsFresh(t *testing.T) {
	want := reference()
	if *update {
		if err := os.WriteFile(referenceFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run make generate", referenceFile)
	}
}

const introduction = `<!-- Made from internal/config by "make generate"; do not edit. -->
# Configuration

Every option has one name and can be set in three ways. The first of these that sets it wins:

1. a flag: ` + "`--max-body 2MiB`" + `
2. the environment: ` + "`PARLEY_MAX_BODY=2MiB`" + ` (an empty variable sets nothing)
3. a YAML file, named by ` + "`--config FILE` or `PARLEY_CONFIG`: `max-body: 2MiB`" + `

A file may hold no other names. ` + "`parley config`" + ` prints the configuration in effect, with the same flags.
Sizes are written ` + "`65536`, `64KiB`, `25MiB` or `1GiB`" + `, time spans ` + "`90s`, `15m`, `24h` or `30d`" + `;
an option that is on by default is turned off with ` + "`--no-NAME`" + ` or the value ` + "`false`" + `.
`

func reference() []byte {
	var text bytes.Buffer
	text.WriteString(introduction)
	group := ""
	config := Default()
	for _, o := range options(&config) {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&text, "\n## %s\n\n| option | environment | default | meaning |\n| --- | --- | --- | --- |\n", group)
		}
		preset := ""
		if o.text() != "" {
			preset = "`" + o.text() + "`"
		}
		fmt.Fprintf(&text, "| `%s` | `%s` | %s | %s |\n", o.Name, o.env(), preset, strings.ReplaceAll(o.Help, "|", `\|`))
	}
	return text.Bytes()
}
