package core

import "github.com/parley-server/parley/internal/parley"

// fits checks the content against what the channel's platform can carry.
func (s *send) fits(r *route) error {
	params := &s.params
	s.asText = nil
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
	if len(params.Attachments) > platform.Attachments {
		return parley.Invalid("attachments", "too-many", "the platform %s takes at most %d", platform.Name, platform.Attachments)
	}
	_, s.asText, err = platform.Fit(params.Body)
	return err
}
