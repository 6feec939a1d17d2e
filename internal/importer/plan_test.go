package importer

import (
	"testing"

	"github.com/parley-server/parley/api"
)

// What a dry run says of rows that come after others about the same contact.
func TestPlansOfContacts(t *testing.T) {
	phone := func(value string) []api.Address { return []api.Address{{Kind: "phone", Value: value}} }
	p := newPlan()
	for n, step := range []struct {
		row          api.ContactRow
		server, want api.ImportOutcome
	}{
		{api.ContactRow{Name: "Ana", Addresses: phone("+1 (555) 0101")}, api.ImportCreated, api.ImportCreated},
		{api.ContactRow{Name: "Ana", Addresses: phone("+15550101")}, api.ImportCreated, api.ImportUnchanged},
		{api.ContactRow{Addresses: phone("+15550101"), ExternalID: "a1", Tags: []string{"vip"}}, api.ImportCreated, api.ImportUpdated},
		{api.ContactRow{ExternalID: "a1", Tags: []string{"vip"}}, api.ImportCreated, api.ImportUnchanged},
		{api.ContactRow{ExternalID: "a1", Attributes: map[string]string{"city": "Bonn"}}, api.ImportCreated, api.ImportUpdated},
		{api.ContactRow{ExternalID: "a1"}, api.ImportRefused, api.ImportRefused},
		{api.ContactRow{Name: "Twin", Addresses: []api.Address{{Kind: "phone", Value: "+15550101", Shared: true}}, ExternalID: "t1"}, api.ImportCreated, api.ImportCreated},
		{api.ContactRow{Name: "Bo", ExternalIDs: map[string]string{"lab": "7"}}, api.ImportUpdated, api.ImportUpdated},
		{api.ContactRow{Name: "Bo", ExternalIDs: map[string]string{"lab": "7"}}, api.ImportUpdated, api.ImportUnchanged},
		{api.ContactRow{Name: "Cy", ExternalIDs: map[string]string{"shop": "7"}}, api.ImportUnchanged, api.ImportUnchanged},
		{api.ContactRow{Name: "Cy", Tags: []string{"x"}, ExternalIDs: map[string]string{"shop": "7"}}, api.ImportUnchanged, api.ImportUnchanged},
		{api.ContactRow{Name: "Cyd", ExternalIDs: map[string]string{"shop": "7"}}, api.ImportUpdated, api.ImportUpdated},
	} {
		if got := p.contact(step.row, step.server); got != step.want {
			t.Errorf("row %d is %s, want %s", n, got, step.want)
		}
	}
}
