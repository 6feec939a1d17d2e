package demo

import (
	"context"

	"github.com/parley-server/parley/api"
)

// openTigerConnect makes a key of somebody who is in both organizations, and a role which two are on duty for.
func openTigerConnect(ctx context.Context, d *Description, client *api.Client) (Door, error) {
	first, second := d.both()[0].ID, d.both()[1].ID
	key, err := client.CreateKey(ctx, api.KeyRequest{Name: "TigerConnect", User: first, Scopes: memberScopes})
	if err != nil {
		return Door{}, err
	}
	role, err := client.CreateRole(ctx, api.RoleRequest{Name: "Charge nurse", Members: []string{first, second}})
	if err != nil {
		return Door{}, err
	}
	for _, user := range []string{first, second} {
		if _, err := client.ComeOnDuty(ctx, role.ID, api.DutyIn{User: user}); err != nil {
			return Door{}, err
		}
	}
	if _, err := client.CreateEscalationPolicy(ctx, api.EscalationPolicyRequest{Name: "Charge nurse", Role: role.ID, After: 300,
		Steps: []api.EscalationStep{{Targets: []api.EscalationTarget{{User: d.Users[0].ID}}, After: 300}}}); err != nil {
		return Door{}, err
	}
	ids := map[string]string{"organizationId": d.Organization.ID, "senderId": first, "userId": second, "roleId": role.ID,
		"otherOrganizationId": d.Other.ID, "otherSenderId": d.Other.Users[0].ID, "otherUserId": d.Other.Users[1].ID}
	for _, c := range d.Conversations {
		if c.Name != "group" {
			continue
		}
		ids["groupId"] = c.ID
		if _, err := client.AddParticipant(ctx, c.ID, api.NewParticipant{User: first}); err != nil {
			return Door{}, err
		}
	}
	lists, err := client.ListBroadcasts(ctx, api.Page{Limit: 1})
	if err == nil && len(lists.Data) > 0 {
		ids["distributionListId"] = lists.Data[0].ID
	}
	return Door{Credential: key.ID + ":" + key.Secret, IDs: ids}, err
}
