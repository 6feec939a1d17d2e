package load

import (
	"math/bits"
	"time"
)

// A histogram's buckets are exact below subBuckets nanoseconds, and above that half of subBuckets to each
// power of two: no value is off by more than 1 in 64.
const (
	subBits    = 7
	subBuckets = 1 << subBits
	halfBucket = subBuckets / 2
	buckets    = subBuckets + (63-subBits)*halfBucket
)

// Histogram counts durations. Its zero value is empty. One goroutine at a time may use it.
type Histogram struct {
	counts [buckets]uint32
	n      int64
	sum    time.Duration
	max    time.Duration
}

// Add counts a duration; a negative one counts as none.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(d)]++
	h.n++
	h.sum += d
	h.max = max(h.max, d)
}

func bucketOf(d time.Duration) int {
	v := uint64(d)
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits
	return subBuckets + (shift-1)*halfBucket + int(v>>shift) - halfBucket
}

// highest is the greatest duration of a bucket.
func highest(bucket int) time.Duration {
	if bucket < subBuckets {
		return time.Duration(bucket)
	}
	shift := (bucket-subBuckets)/halfBucket + 1
	top := uint64((bucket-subBuckets)%halfBucket + halfBucket + 1)
	return time.Duration(top<<shift - 1)
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

// Count is how many durations were counted.
func (h *Histogram) Count() int64 { return h.n }

// Max is the longest duration.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean is the arithmetic mean, 0 of none.
func (h *Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}

// Quantile is the duration that the fraction q of all do not exceed, 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := max(int64(q*float64(h.n)+0.999999), 1)
	seen := int64(0)
	for i, n := range h.counts {
		if seen += int64(n); seen >= rank {
			return min(highest(i), h.max)
		}
	}
	return h.max
}
