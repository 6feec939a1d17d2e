package core

import (
	"fmt"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

// fits checks the content against what the channel's platform can carry.
func (s *send) fits(r *route) error {
	params := &s.params
	if r.channel == nil || params.Internal || params.Record != nil {
		if params.DeleteOnRead && r.channel != nil {
			return parley.Invalid("deleteOnRead", "not-allowed", "does not go with an internal message")
		}
		return nil
	}
	_, platform, err := s.c.definition(r.channel)
	if err != nil {
		return err
	}
	if params.DeleteOnRead && !platform.ReadReceipts {
		return parley.Invalid("deleteOnRead", "no-read-receipts", "the platform %s does not report reading", platform.Name)
	}
	if len(s.files) > platform.Attachments {
		return parley.Invalid("attachments", "too-many", "the platform %s takes at most %d", platform.Name, platform.Attachments)
	}
	return fitsPlatform(params.Body, platform)
}

func fitsPlatform(body []parley.Part, platform connector.Platform) error {
	for i, part := range body {
		if !carries(platform, part.Kind) {
			return parley.Invalid(fmt.Sprintf("body[%d]", i), "part-unsupported", "the platform %s carries %v", platform.Name, platform.Parts)
		}
		if platform.MaxText > 0 && len(part.Text) > platform.MaxText && utf8.RuneCountInString(part.Text) > platform.MaxText {
			return parley.Invalid("body", "too-long", "the platform %s takes at most %d characters", platform.Name, platform.MaxText)
		}
	}
	return nil
}

func carries(platform connector.Platform, kind parley.PartKind) bool {
	for _, k := range platform.Parts {
		if k == kind {
			return true
		}
	}
	return len(platform.Parts) == 0 && kind == parley.PartText
}
