package limits

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// Limits of limits.
const (
	maxLimits = 20
	maxMax    = 1000
	minPeriod = time.Minute
	maxPeriod = 30 * 24 * time.Hour
)

// Check says what is wrong with the limits of a policy, which stand in a field.
func Check(field string, list []parley.ContactLimit) (wrong []parley.FieldError) {
	refuse := func(field, code, format string, args ...any) {
		wrong = append(wrong, parley.FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if len(list) > maxLimits {
		refuse(field, "too-many", "must be at most %d", maxLimits)
		return wrong
	}
	for i := range list {
		l, at := &list[i], fmt.Sprintf("%s[%d]", field, i)
		if !l.Class.Valid() && l.Class != parley.ClassAll {
			refuse(at+".class", "value-unknown", "must be all or one of %v", parley.MessageClasses)
		}
		if len(l.Platform) > 50 {
			refuse(at+".platform", "too-long", "must be at most 50 characters")
		}
		if l.Max < 1 || l.Max > maxMax {
			refuse(at+".max", "out-of-range", "must be 1 to %d", maxMax)
		}
		if l.Period < minPeriod || l.Period > maxPeriod {
			refuse(at+".period", "out-of-range", "must be %d to %d seconds", int64(minPeriod.Seconds()), int64(maxPeriod.Seconds()))
		}
		if l.Beyond != parley.LimitRefuses && l.Beyond != parley.LimitDefers {
			refuse(at+".beyond", "value-unknown", "must be refuse or defer")
		}
		if slices.ContainsFunc(list[:i], func(o parley.ContactLimit) bool {
			return o.Class == l.Class && o.Platform == l.Platform && o.Period == l.Period && o.High == l.High
		}) {
			refuse(at, "duplicate", "is there twice: class, platform, period and highPriority are those of another")
		}
	}
	return wrong
}

// Texts are limits as the audit log has them.
func Texts(list []parley.ContactLimit) (texts []string) {
	for i := range list {
		l := &list[i]
		text := fmt.Sprintf("%s %d/%d %s", l.Class, l.Max, int64(l.Period/time.Second), l.Beyond)
		if l.Platform != "" {
			text += " " + l.Platform
		}
		if l.High {
			text += " highPriority"
		}
		texts = append(texts, text)
	}
	return texts
}
