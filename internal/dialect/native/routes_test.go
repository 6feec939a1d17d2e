package native_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/parley"
)

// sample is a request that succeeds: words in braces stand for things that exist.
type sample struct {
	path, body string
	status     int            // where it is not the operation's
	personal   bool           // asked by the user who is a recipient
	owner      bool           // asked by the key that made the things
	rehearsed  bool           // in a test organization
	more       []parley.Scope // that it needs, besides the operation's and those to see everything
}

const form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"note.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"

var samples = map[string]sample{
	"sendMessage":              {path: "/v1/messages", body: `{"to":{"contact":"{contact}"},"body":"hello","tags":["a"],"metadata":{"k":"v"}}`},
	"sendToUser":               {path: "/v1/users/{user}/messages", body: `{"body":[{"kind":"text","text":"hello"}]}`},
	"sendToConversation":       {path: "/v1/conversations/{conversation}/messages", body: `{"body":"hello","record":{"direction":"inbound"}}`, more: []parley.Scope{parley.ScopeMessagesRecord}},
	"sendBatch":                {path: "/v1/messages/batch", body: `{"messages":[{"to":{"address":"phone:+15550100"},"body":"hello","requestAck":true,"ackWithin":60},{"to":{}}]}`},
	"listAcknowledgements":     {path: "/v1/messages/{message}/acknowledgements"},
	"forwardMessage":           {path: "/v1/messages/{internal}/forward", body: `{"to":{"contact":"{contact}"},"body":"See below"}`, more: []parley.Scope{parley.ScopeMessagesRead}},
	"editMessage":              {path: "/v1/messages/{internal}", body: `{"body":"What I meant"}`, owner: true},
	"redactMessage":            {path: "/v1/messages/{message}/redact", body: `{"parts":[0]}`},
	"listVersions":             {path: "/v1/messages/{internal}/versions"},
	"listMentions":             {path: "/v1/mentions?limit=5"},
	"listReplies":              {path: "/v1/messages/{message}/replies"},
	"listMessages":             {path: "/v1/messages?limit=5&kind=message"},
	"getMessage":               {path: "/v1/messages/{message}"},
	"recallMessage":            {path: "/v1/messages/{message}"},
	"cancelMessage":            {path: "/v1/messages/{scheduled}/cancel", owner: true},
	"markDelivered":            {path: "/v1/messages/{internal}/delivered", personal: true},
	"markRead":                 {path: "/v1/messages/{internal}/read", personal: true},
	"acknowledge":              {path: "/v1/messages/{internal}/acknowledge", personal: true},
	"listDeliveries":           {path: "/v1/messages/{message}/deliveries"},
	"listAttempts":             {path: "/v1/messages/{message}/attempts"},
	"listInteractions":         {path: "/v1/messages/{message}/interactions"},
	"react":                    {path: "/v1/messages/{message}/reactions", body: `{"emoji":"👍"}`, more: []parley.Scope{parley.ScopeMessagesRead}},
	"unreact":                  {path: "/v1/messages/{message}/reactions/%F0%9F%91%8D", more: []parley.Scope{parley.ScopeMessagesRead}},
	"playInteraction":          {path: "/v1/sandbox/interactions", body: `{"message":"{message}","kind":"opened"}`},
	"retryDelivery":            {path: "/v1/messages/{message}/deliveries/1/retry", status: 409},
	"listSandboxMessages":      {path: "/v1/sandbox/messages"},
	"playInbound":              {path: "/v1/sandbox/messages", body: `{"contact":"{contact}","channel":"{channel}","body":"hello"}`},
	"getClock":                 {path: "/v1/sandbox/clock", rehearsed: true},
	"moveClock":                {path: "/v1/sandbox/clock", body: `{"by":60,"frozen":true}`, rehearsed: true},
	"resetOrganization":        {path: "/v1/sandbox/reset", body: `{"all":true}`, rehearsed: true, more: []parley.Scope{parley.ScopeUsersWrite, parley.ScopeKeysWrite}},
	"createHook":               {path: "/v1/sandbox/hooks", body: `{"name":"mine","status":503,"times":2}`, rehearsed: true},
	"listHooks":                {path: "/v1/sandbox/hooks", rehearsed: true},
	"getHook":                  {path: "/v1/sandbox/hooks/{hook}", rehearsed: true},
	"patchHook":                {path: "/v1/sandbox/hooks/{hook}", body: `{"delay":1}`, rehearsed: true},
	"deleteHook":               {path: "/v1/sandbox/hooks/{hook}", rehearsed: true},
	"listCaught":               {path: "/v1/sandbox/hooks/{hook}/requests", rehearsed: true},
	"clearCaught":              {path: "/v1/sandbox/hooks/{hook}/requests", rehearsed: true},
	"createConversation":       {path: "/v1/conversations", body: `{"kind":"group","title":"We","participants":[{"user":"{user}"}]}`},
	"listConversations":        {path: "/v1/conversations?status=open"},
	"getConversation":          {path: "/v1/conversations/{conversation}"},
	"patchConversation":        {path: "/v1/conversations/{conversation}", body: `{"title":"New","description":"What for","avatar":"","assignees":[{"kind":"user","id":"{user}"}],"metadata":{"a":null,"b":"c"},"externalId":"e-7","priority":2,"attributes":{"due":"2026-03-01"},"addTags":["x"],"removeTags":["y"]}`},
	"listConversationMessages": {path: "/v1/conversations/{conversation}/messages"},
	"listParticipants":         {path: "/v1/conversations/{conversation}/participants"},
	"addParticipant":           {path: "/v1/conversations/{conversation}/participants", body: `{"user":"{user2}"}`},
	"removeParticipant":        {path: "/v1/conversations/{conversation}/participants/{user}"},
	"readConversation":         {path: "/v1/conversations/{conversation}/read", body: `{}`, personal: true},
	"createUser":               {path: "/v1/users", body: `{"name":"Dora","email":"dora@example.org","metadata":{"desk":"1"}}`},
	"listUsers":                {path: "/v1/users?active=true&limit=1"},
	"getUser":                  {path: "/v1/users/{user}"},
	"patchUser":                {path: "/v1/users/{user}", body: `{"name":"Ana B."}`},
	"setDoNotDisturb":          {path: "/v1/users/{user}/do-not-disturb", body: `{"text":"Away","until":"2199-01-01T08:00:00Z","forwardTo":{"user":"{user2}"}}`, more: []parley.Scope{parley.ScopeUsersWrite}},
	"clearDoNotDisturb":        {path: "/v1/users/{user}/do-not-disturb", more: []parley.Scope{parley.ScopeUsersWrite}},
	"muteConversation":         {path: "/v1/conversations/{conversation}/mute", body: `{"until":"2199-01-01T08:00:00Z"}`},
	"unmuteConversation":       {path: "/v1/conversations/{conversation}/mute"},
	"getMe":                    {path: "/v1/me"},
	"patchProfile":             {path: "/v1/users/{user}/profile", body: `{"title":"Nurse","department":"Ward 3","phone":"100"}`, more: []parley.Scope{parley.ScopeUsersWrite}},
	"createGroup":              {path: "/v1/groups", body: `{"name":"Ward 3","description":"All of it","metadata":{"a":"b"},"forum":true,"members":["{user}"]}`},
	"listGroups":               {path: "/v1/groups"},
	"getGroup":                 {path: "/v1/groups/{forum}"},
	"patchGroup":               {path: "/v1/groups/{forum}", body: `{"name":"Ward 4","replayHistory":false}`},
	"listGroupMembers":         {path: "/v1/groups/{forum}/members"},
	"addGroupMembers":          {path: "/v1/groups/{forum}/members", body: `{"users":["{user2}"]}`},
	"removeGroupMember":        {path: "/v1/groups/{forum}/members/{user}"},
	"joinGroup":                {path: "/v1/groups/{open}/join"},
	"leaveGroup":               {path: "/v1/groups/{forum}/leave", owner: true},
	"createPermissionSet":      {path: "/v1/permission-sets", body: `{"name":"Desk","scopes":["permissions:write"]}`},
	"listPermissionSets":       {path: "/v1/permission-sets"},
	"getPermissionSet":         {path: "/v1/permission-sets/{set}"},
	"patchPermissionSet":       {path: "/v1/permission-sets/{set}", body: `{"name":"Front","scopes":["permissions:write"]}`},
	"deletePermissionSet":      {path: "/v1/permission-sets/{set}"},
	"getPermissions":           {path: "/v1/users/{user}/permissions"},
	"setPermissions":           {path: "/v1/users/{user2}/permissions", body: `{"sets":["{set}"]}`, more: []parley.Scope{parley.ScopeMessagesRead}},
	"createTeam":               {path: "/v1/teams", body: `{"name":"Night","members":["{user}"],"metadata":{"a":"b"}}`},
	"listTeams":                {path: "/v1/teams"},
	"getTeam":                  {path: "/v1/teams/{team}"},
	"patchTeam":                {path: "/v1/teams/{team}", body: `{"name":"Day","metadata":{"a":null,"b":"c"}}`},
	"deleteTeam":               {path: "/v1/teams/{team}"},
	"listTeamMembers":          {path: "/v1/teams/{team}/members"},
	"addTeamMembers":           {path: "/v1/teams/{team}/members", body: `{"users":["{user2}"]}`},
	"removeTeamMember":         {path: "/v1/teams/{team}/members/{user}"},
	"createEscalationPolicy":   {path: "/v1/escalation-policies", body: `{"name":"Fast","role":"{role2}","always":true,"after":300,"steps":[{"targets":[{"user":"{user}"},{"role":"{role}"}],"after":600},{"targets":[{"user":"{user2}"}],"after":600}],"groupLife":3600}`},
	"listEscalationPolicies":   {path: "/v1/escalation-policies"},
	"getEscalationPolicy":      {path: "/v1/escalation-policies/{policy}"},
	"patchEscalationPolicy":    {path: "/v1/escalation-policies/{policy}", body: `{"name":"Slow","always":false,"after":400,"steps":[{"targets":[{"user":"{user3}"},{"role":"{role2}"}],"after":600}],"groupLife":0}`},
	"deleteEscalationPolicy":   {path: "/v1/escalation-policies/{policy}"},
	"escalateMessage":          {path: "/v1/messages/{urgent}/escalate", more: []parley.Scope{parley.ScopeEscalationsWrite}},
	"listEscalations":          {path: "/v1/escalations"},
	"getEscalation":            {path: "/v1/escalations/{escalation}"},
	"listEscalationFallbacks":  {path: "/v1/escalations/{escalation}/fallbacks"},
	"acknowledgeEscalation":    {path: "/v1/escalations/{escalation}/acknowledge", personal: true},
	"skipEscalation":           {path: "/v1/escalations/{escalation2}/skip", more: []parley.Scope{parley.ScopeEscalationsWrite}},
	"cancelEscalation":         {path: "/v1/escalations/{escalation3}/cancel", more: []parley.Scope{parley.ScopeEscalationsWrite}},
	"createRole":               {path: "/v1/roles", body: `{"name":"Charge nurse","description":"Floor 2","metadata":{"k":"v"},"tags":["ward"],"awayText":"Call 100","members":["{user}"]}`},
	"listRoles":                {path: "/v1/roles?limit=2"},
	"getRole":                  {path: "/v1/roles/{role}"},
	"patchRole":                {path: "/v1/roles/{role}", body: `{"name":"Nurse","tags":["a"],"ownerRequired":true}`},
	"deleteRole":               {path: "/v1/roles/{role}"},
	"listRoleMembers":          {path: "/v1/roles/{role}/members"},
	"addRoleMembers":           {path: "/v1/roles/{role}/members", body: `{"users":["{user3}"]}`},
	"removeRoleMember":         {path: "/v1/roles/{role}/members/{user}"},
	"listOnDuty":               {path: "/v1/roles/{role}/duty"},
	"comeOnDuty":               {path: "/v1/roles/{role}/duty/in", body: `{"user":"{user2}"}`, more: []parley.Scope{parley.ScopeRolesWrite}},
	"goOffDuty":                {path: "/v1/roles/{role}/duty/out", body: `{"user":"{user}","successor":"{user2}"}`, more: []parley.Scope{parley.ScopeRolesWrite}},
	"createShift":              {path: "/v1/roles/{role}/shifts", body: `{"user":"{user}","startsAt":"2199-01-01T08:00:00Z","endsAt":"2199-01-01T16:00:00Z"}`},
	"listShifts":               {path: "/v1/roles/{role}/shifts?from=2199-01-01T00:00:00Z"},
	"deleteShift":              {path: "/v1/roles/{role}/shifts/{shift}"},
	"createBroadcast":          {path: "/v1/broadcasts", body: `{"name":"All","filter":{"tag":"vip","saved":true}}`},
	"listBroadcasts":           {path: "/v1/broadcasts"},
	"getBroadcast":             {path: "/v1/broadcasts/{broadcast}"},
	"patchBroadcast":           {path: "/v1/broadcasts/{broadcast}", body: `{"name":"Some","metadata":{"b":"c"}}`},
	"deleteBroadcast":          {path: "/v1/broadcasts/{broadcast}"},
	"listBroadcastMembers":     {path: "/v1/broadcasts/{broadcast}/members"},
	"addBroadcastMembers":      {path: "/v1/broadcasts/{broadcast}/members", body: `{"users":["{user2}"],"contacts":["{contact}"]}`},
	"removeBroadcastMember":    {path: "/v1/broadcasts/{broadcast}/members/{user}"},
	"createContact":            {path: "/v1/contacts", body: `{"name":"Zoe","addresses":[{"kind":"email","value":"zoe@example.org"}],"tags":["vip"],"attributes":{"a":"b"}}`},
	"listContacts":             {path: "/v1/contacts?saved=true"},
	"findContact":              {path: "/v1/contacts/find", body: `{"address":"email:new@example.org","name":"New"}`, status: 201},
	"importContacts":           {path: "/v1/contacts/import", body: `{"contacts":[{"name":"Zoe","externalId":"z1","addresses":[{"kind":"email","value":"zoe2@example.org"}]}]}`},
	"getContact":               {path: "/v1/contacts/{contact}"},
	"patchContact":             {path: "/v1/contacts/{contact}", body: `{"tags":["x"]}`},
	"deleteContact":            {path: "/v1/contacts/{contact}"},
	"defineAttribute":          {path: "/v1/attributes/city", body: `{"type":"choice","label":"City","choices":["Bonn"]}`},
	"getAttribute":             {path: "/v1/attributes/born"},
	"listAttributes":           {path: "/v1/attributes"},
	"mergeContact":             {path: "/v1/contacts/{contact2}/merge", body: `{"into":"{contact}"}`},
	"addContactAddress":        {path: "/v1/contacts/{contact}/addresses", body: `{"kind":"email","value":"cleo2@example.org"}`},
	"removeContactAddress":     {path: "/v1/contacts/{contact}/addresses/phone:%2B15550100"},
	"exportContact":            {path: "/v1/contacts/{contact}/export", more: []parley.Scope{parley.ScopeContactsRead, parley.ScopeMessagesRead, parley.ScopeMediaRead}},
	"listContactExports":       {path: "/v1/contacts/{contact}/exports?limit=5"},
	"getContactExport":         {path: "/v1/contacts/{contact}/exports/{export}"},
	"eraseContact":             {path: "/v1/contacts/{contact3}/erase", more: []parley.Scope{parley.ScopeMessagesDelete}},
	"getContactErasure":        {path: "/v1/contacts/{erased}/erasure"},
	"getContactLimits":         {path: "/v1/contacts/{contact}/limits"},
	"suppress":                 {path: "/v1/suppressions", body: `{"contact":"{contact}","platform":"sms","class":"marketing","reason":"user","note":"asked"}`},
	"listSuppressions":         {path: "/v1/suppressions?address=phone:%2B15550177&class=all"},
	"getSuppression":           {path: "/v1/suppressions/{suppression}"},
	"deleteSuppression":        {path: "/v1/suppressions/{suppression}"},
	"blockSender":              {path: "/v1/blocked-senders", body: `{"contact":"{contact}","note":"abusive"}`},
	"listBlockedSenders":       {path: "/v1/blocked-senders?limit=5"},
	"getBlockedSender":         {path: "/v1/blocked-senders/{blocked}"},
	"unblockSender":            {path: "/v1/blocked-senders/{blocked2}/unblock", body: `{"release":true}`},
	"createChannel":            {path: "/v1/channels", body: `{"name":"Fax","connector":"sandbox","platform":"fax","open":false,"members":["{user}"]}`},
	"listChannels":             {path: "/v1/channels?connector=sandbox"},
	"getChannel":               {path: "/v1/channels/{channel}"},
	"patchChannel":             {path: "/v1/channels/{channel}", body: `{"paused":true,"metadata":{"b":"c"}}`},
	"deleteChannel":            {path: "/v1/channels/{channel}"},
	"listConnectors":           {path: "/v1/connectors"},
	"getConnector":             {path: "/v1/connectors/sandbox"},
	"uploadMedia":              {path: "/v1/media", body: form},
	"getMedia":                 {path: "/v1/media/{media}", owner: true},
	"downloadMedia":            {path: "/v1/media/{media}/content", owner: true},
	"deleteMedia":              {path: "/v1/media/{media}", owner: true},
	"createTemplate":           {path: "/v1/templates", body: `{"name":"Welcome","locales":[{"locale":"en","body":"Hi {{name}}"}],"variables":[{"name":"name"}]}`},
	"listTemplates":            {path: "/v1/templates?limit=2"},
	"getTemplate":              {path: "/v1/templates/{template}"},
	"patchTemplate":            {path: "/v1/templates/{template}", body: `{"name":"Reminder 2","description":"x"}`},
	"deleteTemplate":           {path: "/v1/templates/{template}"},
	"draftTemplate":            {path: "/v1/templates/{template}/draft", body: `{"locales":[{"locale":"en","body":"Hello"}]}`},
	"listTemplateVersions":     {path: "/v1/templates/{template}/versions"},
	"getTemplateVersion":       {path: "/v1/templates/{template}/versions/1"},
	"publishTemplate":          {path: "/v1/templates/{template}/publish", body: `{"version":1}`},
	"archiveTemplate":          {path: "/v1/templates/{template}/archive"},
	"previewTemplate":          {path: "/v1/templates/{template}/preview", body: `{"version":1,"locale":"de","variables":{"day":"Monday"}}`},
	"createSavedReply":         {path: "/v1/saved-replies", body: `{"title":"Thanks","shortcut":"thx","body":"Thank you, {{contact.name}}","owner":{"kind":"team","id":"{team}"}}`},
	"listSavedReplies":         {path: "/v1/saved-replies?prefix=h&limit=3"},
	"getSavedReply":            {path: "/v1/saved-replies/{reply}"},
	"patchSavedReply":          {path: "/v1/saved-replies/{reply}", body: `{"title":"Hello","tags":["a"]}`, more: []parley.Scope{parley.ScopeTemplatesWrite}},
	"deleteSavedReply":         {path: "/v1/saved-replies/{reply}", more: []parley.Scope{parley.ScopeTemplatesWrite}},
	"fillSavedReply":           {path: "/v1/saved-replies/{reply}/fill", body: `{}`},
	"getOrganization":          {path: "/v1/organization"},
	"createSchedule":           {path: "/v1/schedules", body: `{"name":"Office","timeZone":"Europe/Berlin","weekly":[{"day":"monday","from":"09:00","to":"17:00"}],"exceptions":[{"date":"2031-12-24","through":"2031-12-26","name":"Christmas","intervals":[{"from":"10:00","to":"12:00"}]}]}`},
	"listSchedules":            {path: "/v1/schedules?limit=2"},
	"getSchedule":              {path: "/v1/schedules/{schedule}"},
	"patchSchedule":            {path: "/v1/schedules/{schedule}", body: `{"name":"Desk","timeZone":"UTC","weekly":[],"exceptions":[{"date":"2031-12-24"}]}`},
	"deleteSchedule":           {path: "/v1/schedules/{schedule}"},
	"createAutoReply":          {path: "/v1/auto-replies", body: `{"name":"Closed","when":"closed","schedule":"{schedule}","channels":["{channel}"],"teams":["{team}"],"text":"We are closed","throttle":60,"each":"contact","limit":3}`},
	"listAutoReplies":          {path: "/v1/auto-replies?limit=2"},
	"getAutoReply":             {path: "/v1/auto-replies/{autoreply}"},
	"patchAutoReply":           {path: "/v1/auto-replies/{autoreply}", body: `{"name":"Open","when":"open","schedule":"{schedule}","channels":["{channel}"],"teams":["{team}"],"enabled":false,"template":{"id":"{template}","locale":"de"}}`},
	"deleteAutoReply":          {path: "/v1/auto-replies/{autoreply}"},
	"createSLAPolicy":          {path: "/v1/sla-policies", body: `{"name":"Gold","hours":"business","schedule":"{schedule}","conditions":{"channels":["{channel}"],"teams":["{team}"],"tags":["vip"],"priorities":[5],"platforms":["sms"]},"targets":[{"firstResponse":600,"resolution":86400},{"priority":5,"nextResponse":300}],"warnBefore":60,"pause":["snoozed"]}`},
	"listSLAPolicies":          {path: "/v1/sla-policies?limit=2"},
	"getSLAPolicy":             {path: "/v1/sla-policies/{sla}"},
	"patchSLAPolicy":           {path: "/v1/sla-policies/{sla}", body: `{"name":"Silver","hours":"business","schedule":"{schedule}","conditions":{"channels":["{channel}"]},"targets":[{"firstResponse":900}],"pause":["closed"]}`},
	"deleteSLAPolicy":          {path: "/v1/sla-policies/{sla}"},
	"getScheduleState":         {path: "/v1/schedules/{schedule}/state?at=2031-05-17T09:30:00Z"},
	"placeHold":                {path: "/v1/holds", body: `{"subject":{"kind":"user","id":"{user}"},"reason":"a lawsuit"}`},
	"listHolds":                {path: "/v1/holds?active=true&limit=3"},
	"getHold":                  {path: "/v1/holds/{hold}"},
	"liftHold":                 {path: "/v1/holds/{hold2}/lift", body: `{"reason":"settled"}`},
	"listHeld":                 {path: "/v1/held?limit=3"},
	"readHeld":                 {path: "/v1/held/{held}"},
	"downloadHeld":             {path: "/v1/held/{held}/media/{media2}"},
	"patchOrganization":        {path: "/v1/organization", body: `{"policy":{"maxTtl":86400,"retention":{"direct":86400,"group":null},"quietHours":{"timeZone":"UTC","intervals":[{"days":["sunday"],"from":"20:00","to":"24:00"}],"classes":["marketing"]}}}`},
	"createOrganization":       {path: "/v1/organizations", body: `{"name":"Gamma","test":true}`},
	"createKey":                {path: "/v1/keys", body: `{"name":"narrow","scopes":["keys:write"]}`},
	"listKeys":                 {path: "/v1/keys"},
	"getKey":                   {path: "/v1/keys/{key}"},
	"revokeKey":                {path: "/v1/keys/{key}"},
	"listAudit":                {path: "/v1/audit?limit=3&act=user.created"},
	"searchMessages":           {path: "/v1/search/messages?q=hello&kind=message&limit=5"},
	"searchContacts":           {path: "/v1/search/contacts?q=cleo"},
	"searchConversations":      {path: "/v1/search/conversations?q=ana&status=open"},
	"listEvents":               {path: "/v1/events?limit=3"},
	"getHealth":                {path: "/healthz"},
	"getReadiness":             {path: "/readyz"},

	"listHistory":                 {path: "/v1/conversations/{conversation}/history"},
	"defineConversationAttribute": {path: "/v1/conversation-attributes/tier", body: `{"type":"choice","label":"Tier","choices":["gold"]}`},
	"getConversationAttribute":    {path: "/v1/conversation-attributes/due"},
	"listConversationAttributes":  {path: "/v1/conversation-attributes"},
	"mergeConversation":           {path: "/v1/conversations/{external}/merge", body: `{"into":"{outside}"}`},
	"createDraft":                 {path: "/v1/conversations/{outside}/drafts", body: `{"body":"later","shared":true,"internal":true,"attachments":[]}`},
	"listConversationDrafts":      {path: "/v1/conversations/{outside}/drafts"},
	"listDrafts":                  {path: "/v1/drafts"},
	"getDraft":                    {path: "/v1/drafts/{draft}"},
	"patchDraft":                  {path: "/v1/drafts/{draft}", body: `{"body":"sooner","internal":false,"attachments":[],"replyTo":""}`},
	"deleteDraft":                 {path: "/v1/drafts/{draft}"},
	"createView":                  {path: "/v1/views", body: `{"owner":{"kind":"organization"},"name":"Open","order":3,"filter":{"status":"open","unread":true}}`, more: []parley.Scope{parley.ScopeOrganizationWrite}},
	"createPage":                  {path: "/v1/conversations/{conversation}/pages", body: `{"who":{"kind":"user","id":"{user}"},"text":"Come","urgency":"high","remindEvery":60,"reminders":3}`},
	"listPages":                   {path: "/v1/pages?state=open"},
	"getPage":                     {path: "/v1/pages/{page}"},
	"resolvePage":                 {path: "/v1/pages/{page}/resolve", personal: true},
	"getPresence":                 {path: "/v1/presence?user={user}"},
	"setPresence":                 {path: "/v1/presence", body: `{"status":"away"}`, personal: true},
	"showTyping":                  {path: "/v1/conversations/{conversation}/typing", body: `{}`, personal: true},
	"listViews":                   {path: "/v1/views?owner=organization"},
	"countViews":                  {path: "/v1/views/counts?view={view}"},
	"getView":                     {path: "/v1/views/{view}"},
	"patchView":                   {path: "/v1/views/{view}", body: `{"name":"All","order":1,"filter":{}}`, more: []parley.Scope{parley.ScopeOrganizationWrite}},
	"deleteView":                  {path: "/v1/views/{view}", more: []parley.Scope{parley.ScopeOrganizationWrite}},
	"listViewConversations":       {path: "/v1/views/{view}/conversations"},
	"moveMessage":                 {path: "/v1/messages/{noted}/move", body: `{"conversation":"{note}"}`},
}

// fill puts ids into a sample.
func (s sample) fill(things map[string]string) sample {
	for name, id := range things {
		s.path = strings.ReplaceAll(s.path, "{"+name+"}", id)
		s.body = strings.ReplaceAll(s.body, "{"+name+"}", id)
	}
	return s
}

func (s sample) headers() []string {
	if s.body == form {
		return []string{"Content-Type", "multipart/form-data; boundary=b"}
	}
	return nil
}

// things makes one of each.
func (w *world) things(t *testing.T) map[string]string {
	t.Helper()
	return thingsOf(t, w.admin)
}

func thingsOf(t *testing.T, c *api.Client) map[string]string {
	t.Helper()
	ctx := t.Context()
	ana := must[*api.User](t)(c.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: string(parley.NewID(time.Now())) + "@example.org"}))
	own := must[*api.Key](t)(c.CreateKey(ctx, api.KeyRequest{Name: "Ana's", User: ana.ID, Scopes: []string{"messages:read", "messages:send", "users:self"}}))
	bo := must[*api.User](t)(c.CreateUser(ctx, api.UserRequest{Name: "Bo"}))
	di := must[*api.User](t)(c.CreateUser(ctx, api.UserRequest{Name: "Di"}))
	team := must[*api.Team](t)(c.CreateTeam(ctx, api.TeamRequest{Name: "Front desk", Members: []string{ana.ID}}))
	role := must[*api.Role](t)(c.CreateRole(ctx, api.RoleRequest{Name: "Nurse", Members: []string{ana.ID, bo.ID}}))
	must[*api.Role](t)(c.ComeOnDuty(ctx, role.ID, api.DutyIn{User: ana.ID}))
	role2 := must[*api.Role](t)(c.CreateRole(ctx, api.RoleRequest{Name: "Doctor"}))
	policy := must[*api.EscalationPolicy](t)(c.CreateEscalationPolicy(ctx, api.EscalationPolicyRequest{Name: "Fast", Role: role.ID, After: 300,
		Steps: []api.EscalationStep{{Targets: []api.EscalationTarget{{User: bo.ID}}, After: 300}, {Targets: []api.EscalationTarget{{User: di.ID}}, After: 300}}}))
	var urgent *api.Message
	var escalations [3]*api.Escalation
	for i := range 4 {
		urgent = must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("x"), Escalate: i < 3}))
		if i < 3 {
			list := must[*api.List[api.Escalation]](t)(c.ListEscalations(ctx, api.EscalationFilter{Message: urgent.ID}))
			escalations[i] = &list.Data[0]
		}
	}
	shift := must[*api.Shift](t)(c.CreateShift(ctx, role.ID, api.ShiftRequest{User: ana.ID, StartsAt: api.NewTime(time.Date(2199, 2, 1, 8, 0, 0, 0, time.UTC)),
		EndsAt: api.NewTime(time.Date(2199, 2, 1, 16, 0, 0, 0, time.UTC))}))
	set := must[*api.PermissionSet](t)(c.CreatePermissionSet(ctx, api.PermissionSetRequest{Name: string(parley.NewID(time.Now())), Scopes: []string{"messages:read", "permissions:write"}}))
	broadcast := must[*api.Broadcast](t)(c.CreateBroadcast(ctx, api.BroadcastRequest{Name: "News"}))
	must[*api.Broadcast](t)(c.AddBroadcastMembers(ctx, broadcast.ID, api.BroadcastMembers{Users: []string{ana.ID}}))
	contact := must[*api.Contact](t)(c.FindContact(ctx, api.ContactLookup{Address: "phone:+15550100", Name: "Cleo"}))
	must[*api.Attribute](t)(c.DefineAttribute(ctx, "born", api.AttributeRequest{Type: api.AttributeDate}))
	must[*api.Attribute](t)(c.DefineConversationAttribute(ctx, "due", api.AttributeRequest{Type: api.AttributeDate}))
	contact2 := must[*api.Contact](t)(c.FindContact(ctx, api.ContactLookup{Address: "email:cleo@example.org"}))
	channel := must[*api.Channel](t)(c.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true}))
	media := must[*api.Media](t)(c.UploadMedia(ctx, "a.txt", "text/plain", strings.NewReader("text")))
	key := must[*api.Key](t)(c.CreateKey(ctx, api.KeyRequest{Name: "k", Scopes: []string{"messages:read"}}))
	group := must[*api.Conversation](t)(c.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: ana.ID}}}))
	forum := must[*api.Group](t)(c.CreateGroup(ctx, api.GroupRequest{Name: "Ward", Members: []string{ana.ID}}))
	open := must[*api.Group](t)(c.CreateGroup(ctx, api.GroupRequest{Name: "Everybody", Forum: true}))
	if err := c.LeaveGroup(ctx, open.ID); err != nil {
		t.Fatal(err)
	}
	message := must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{Contact: contact.ID}, Body: api.Text("x")}))
	internal := must[*api.Message](t)(c.SendToConversation(ctx, group.ID, api.SendRequest{Body: api.Text("x")}))
	scheduled := must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{Contact: contact.ID}, Body: api.Text("x"), SendAt: api.NewTime(time.Now().Add(time.Hour))}))
	contact3 := must[*api.Contact](t)(c.CreateContact(ctx, api.ContactRequest{Name: "Gone"}))
	erased := must[*api.Contact](t)(c.CreateContact(ctx, api.ContactRequest{Name: "Gone"}))
	must[*api.ContactErasure](t)(c.EraseContact(ctx, erased.ID))
	export := must[*api.ContactExport](t)(c.ExportContact(ctx, contact.ID))
	suppression := must[*api.Suppressions](t)(c.Suppress(ctx, api.SuppressionRequest{Address: "phone:+15550177"})).Data[0]
	blocked := must[*api.BlockedSender](t)(c.BlockSender(ctx, api.BlockRequest{Address: "phone:+15550178"}))
	blocked2 := must[*api.BlockedSender](t)(c.BlockSender(ctx, api.BlockRequest{Address: "phone:+15550179"}))
	external := must[*api.Conversation](t)(c.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationExternal, Channel: channel.ID, Participants: []api.NewParticipant{{Contact: contact.ID}}}))
	note := must[*api.Conversation](t)(c.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationNote, Visibility: api.VisibleToOrganization}))
	noted := must[*api.Message](t)(c.SendToConversation(ctx, message.ConversationID, api.SendRequest{Body: api.Text("x"), Internal: true}))
	media2 := must[*api.Media](t)(c.UploadMedia(ctx, "b.txt", "text/plain", strings.NewReader("text")))
	held := must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{User: di.ID}, Body: api.Text("x"), Attachments: []string{media2.ID}}))
	hold := must[*api.Hold](t)(c.PlaceHold(ctx, api.HoldRequest{Subject: api.HoldSubject{Kind: "conversation", ID: held.ConversationID}, Reason: "a lawsuit"}))
	hold2 := must[*api.Hold](t)(c.PlaceHold(ctx, api.HoldRequest{Subject: api.HoldSubject{Kind: "conversation", ID: held.ConversationID}, Reason: "another"}))
	must[*api.Message](t)(c.RecallMessage(ctx, held.ID))
	template := must[*api.Template](t)(c.CreateTemplate(ctx, api.TemplateRequest{Name: "Reminder of " + shift.ID, TemplateText: api.TemplateText{
		Locales:   []api.TemplateLocale{{Locale: "en", Body: api.Text("See you on {{day}}")}, {Locale: "de", Body: api.Text("Bis {{day}}")}},
		Variables: []api.TemplateVariable{{Name: "day"}}, DefaultLocale: "en"}}))
	must[*api.Template](t)(c.PublishTemplate(ctx, template.ID, api.TemplateChoice{}))
	reply := must[*api.SavedReply](t)(c.CreateSavedReply(ctx, api.SavedReplyRequest{Title: "Hi", Owner: api.ReplyOwner{Kind: api.ActorOrganization}, Body: api.Text("Hi {{contact.firstName}}")}))
	schedule := must[*api.Schedule](t)(c.CreateSchedule(ctx, api.ScheduleRequest{Name: "Desk", TimeZone: "UTC"}))
	slaPolicy := must[*api.SLAPolicy](t)(c.CreateSLAPolicy(ctx, api.SLAPolicyRequest{Name: "Gold", Targets: []api.SLATarget{{FirstResponse: 600}}, Conditions: api.SLAConditions{Tags: []string{"vip"}}}))
	autoReply := must[*api.AutoReply](t)(c.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Closed", When: "closed", Text: "Closed"}))
	draft := must[*api.Draft](t)(c.CreateDraft(ctx, message.ConversationID, api.DraftRequest{Body: api.Text("x"), Shared: true}))
	view := must[*api.View](t)(c.CreateView(ctx, api.ViewRequest{Name: "Open", Owner: api.ViewOwner{Kind: api.ActorOrganization}, Filter: api.ViewFilter{Status: "open"}}))
	page := must[*api.Call](t)(c.CreatePage(ctx, group.ID, api.CallRequest{Who: api.Actor{Kind: api.ActorUser, ID: ana.ID}}))
	return map[string]string{"page": page.ID, "view": view.ID, "role2": role2.ID, "policy": policy.ID, "urgent": urgent.ID, "escalation": escalations[0].ID, "escalation2": escalations[1].ID, "escalation3": escalations[2].ID,
		"draft": draft.ID, "schedule": schedule.ID, "autoreply": autoReply.ID, "sla": slaPolicy.ID, "template": template.ID, "reply": reply.ID, "media2": media2.ID, "held": held.ID, "hold": hold.ID, "hold2": hold2.ID, "external": external.ID, "outside": message.ConversationID, "note": note.ID, "noted": noted.ID, "user": ana.ID, "user2": bo.ID, "user3": di.ID, "team": team.ID, "set": set.ID, "role": role.ID, "shift": shift.ID, "broadcast": broadcast.ID, "contact": contact.ID, "contact2": contact2.ID, "channel": channel.ID, "media": media.ID,
		"key": key.ID, "conversation": group.ID, "forum": forum.ID, "open": open.ID, "message": message.ID, "internal": internal.ID, "scheduled": scheduled.ID, "contact3": contact3.ID, "erased": erased.ID, "export": export.ID, "suppression": suppression.ID, "blocked": blocked.ID, "blocked2": blocked2.ID, "secret": own.Secret}
}

// Every operation answers whom it should, as it promises, and nobody else.
func TestEveryRoute(t *testing.T) {
	w := newWorld(t)
	beta := w.organization(t, "Beta").Key.Token
	narrow := map[parley.Scope]string{}
	expired, revoked := w.expiredKey(t), w.revokedKey(t)
	things := w.things(t)
	for _, route := range native.Routes() {
		t.Run(route.ID, func(t *testing.T) {
			s, ok := samples[route.ID]
			if !ok {
				t.Fatal("has no sample")
			}
			defer func() {
				if route.Method == http.MethodDelete {
					things = w.things(t)
				}
			}()
			own := s.fill(things)
			ask := func(token string, s sample) (*http.Response, string) {
				return w.raw(t, route.Method, s.path, token, s.body, s.headers()...)
			}
			if route.Scope != "" {
				for name, token := range map[string]string{"credential-required": "", "credential-invalid": "nonsense", "credential-invalid ": expired, "credential-invalid  ": revoked} {
					answer, text := ask(token, own)
					wantRefusal(t, answer, text, 401, strings.TrimSpace(name))
				}
				if narrow[route.Scope] == "" {
					narrow[route.Scope] = w.without(t, route.Scope)
				}
				answer, text := ask(narrow[route.Scope], own)
				wantRefusal(t, answer, text, 403, "scope-required")
				if !strings.Contains(text, string(route.Scope)) {
					t.Errorf("the refusal does not name the scope: %s", text)
				}
			}
			if own.path != s.path || own.body != s.body {
				w.wantHidden(t, ask, beta, s, things)
			}
			if among(s.path, "{conversation}", "{internal}") && route.Scope != "" {
				outsider := w.with(t, append(s.more, route.Scope)...)
				answer, text := ask(outsider, own)
				if answer.StatusCode != 404 {
					t.Errorf("of members only, to somebody else: %d %s", answer.StatusCode, text)
				}
			}
			want := route.Status
			if s.status != 0 {
				want = s.status
			}
			token := w.token
			if route.Scope != "" && !s.owner {
				token = w.with(t, append(s.more, route.Scope, parley.ScopePrivateRead)...)
			}
			if s.personal {
				token = things["secret"]
			}
			if s.rehearsed {
				var hook string
				token, hook = w.rehearsed(t, append(s.more, route.Scope)...)
				own.path = strings.ReplaceAll(own.path, "{hook}", hook)
			}
			answer, text := ask(token, own)
			if answer.StatusCode != want {
				t.Fatalf("%d %s, want %d", answer.StatusCode, text, want)
			}
			wantPromised(t, route, answer, text)
		})
	}
}

func among(path string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(path, word) })
}

// wantHidden checks that the things of one organization are to another like things that do not exist.
func (w *world) wantHidden(t *testing.T, ask func(string, sample) (*http.Response, string), other string, s sample, things map[string]string) {
	t.Helper()
	nowhere := maps.Clone(things)
	for name := range nowhere {
		nowhere[name] = string(parley.NewID(time.Now()))
	}
	theirs, theirsText := ask(other, s.fill(things))
	none, noneText := ask(other, s.fill(nowhere))
	if theirs.StatusCode != none.StatusCode || plainly(theirsText) != plainly(noneText) {
		t.Errorf("of another organization: %d %s\nof nobody: %d %s", theirs.StatusCode, theirsText, none.StatusCode, noneText)
	}
	byPath := s.path != s.fill(things).path
	if byPath && theirs.StatusCode != 404 || !byPath && theirs.StatusCode != 422 {
		t.Errorf("of another organization: %d %s", theirs.StatusCode, theirsText)
	}
}

var anyID = regexp.MustCompile(`[0-9a-v]{20}`)

// plainly is an answer without ids.
func plainly(text string) string { return anyID.ReplaceAllString(text, "ID") }

func wantRefusal(t *testing.T, answer *http.Response, text string, status int, code string) {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || answer.StatusCode != status || p.Code != code || p.Status != status || p.RequestID == "" ||
		answer.Header.Get("Content-Type") != "application/problem+json" || answer.Header.Get("X-Request-Id") != p.RequestID {
		t.Errorf("%d %s, want %d %s", answer.StatusCode, text, status, code)
	}
	if status == 401 && answer.Header.Get("Www-Authenticate") == "" {
		t.Error("no WWW-Authenticate")
	}
}

// wantPromised checks an answer against the document.
func wantPromised(t *testing.T, route *contract.Route, answer *http.Response, text string) {
	t.Helper()
	if answer.StatusCode >= 300 || route.ID == "downloadMedia" || route.ID == "downloadHeld" {
		return
	}
	if route.Answer == nil {
		if text != "" {
			t.Errorf("answered %s", text)
		}
		return
	}
	if err := route.CheckAnswer([]byte(text)); err != nil {
		t.Errorf("%s: %v", text, err)
	}
	rev := regexp.MustCompile(`"rev":(\d+)`).FindStringSubmatch(text)
	if field, revised := contract.RevOf(route.Answer); revised && (rev == nil || answer.Header.Get("Etag") != fmt.Sprintf("%q", rev[1])) {
		t.Errorf("%s: the ETag is %s", field.Name, answer.Header.Get("Etag"))
	}
}

func (w *world) expiredKey(t *testing.T) string {
	t.Helper()
	key, _, err := w.keys.Create(t.Context(), w.principal(t), access.KeyParams{Name: "short", Scopes: parley.Scopes, ExpiresAt: time.Now().Add(time.Millisecond)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	return key.Token
}

func (w *world) revokedKey(t *testing.T) string {
	t.Helper()
	key, _, err := w.keys.Create(t.Context(), w.principal(t), access.KeyParams{Name: "gone", Scopes: parley.Scopes}, nil)
	if err == nil {
		must[*api.Organization](t)(w.client(t, key.Token).GetOrganization(t.Context())) // verified, and kept for a moment
		err = w.keys.Revoke(t.Context(), w.principal(t), key.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key.Token
}

func (w *world) principal(t testing.TB) *access.Principal {
	t.Helper()
	return must[*access.Principal](t)(w.auth.Authenticate(t.Context(), w.token, ""))
}

// rehearsed returns the token of a key with some scopes of a new test organization, and the id of a hook of it.
func (w *world) rehearsed(t testing.TB, scopes ...parley.Scope) (token, hook string) {
	t.Helper()
	params := directory.OrganizationParams{Name: "Rehearsal", Test: true, Operator: true}
	made, _, err := w.directory.CreateOrganization(t.Context(), access.Operator(), params, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := must[*access.Principal](t)(w.auth.Authenticate(t.Context(), made.Key.Token, ""))
	key, _, err := w.keys.Create(t.Context(), p, access.KeyParams{Name: "narrow", Scopes: scopes}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := playground.New(playground.Options{Store: w.store}).CreateHook(t.Context(), p, playground.HookParams{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key.Token, string(h.ID)
}

// The samples are of operations that there are.
func TestSamplesAreOfRoutes(t *testing.T) {
	routes := native.Routes()
	for id := range samples {
		if !slices.ContainsFunc(routes, func(r *contract.Route) bool { return r.ID == id }) {
			t.Errorf("there is no operation %s", id)
		}
	}
}
