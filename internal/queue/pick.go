package queue

import "context"

// picked is a piece of work with its lane.
type picked[W Work] struct {
	work W
	lane string
}

// pick chooses up to limit pieces of the lines: urgent ones first, then each line in turn as much as the others,
// and what some leave to those that have more.
func (d *dispatcher[L, W, R]) pick(ctx context.Context, lines []L, limit int) ([]picked[W], error) {
	var urgent, rest []L
	for _, line := range lines {
		if line.Urgent() {
			urgent = append(urgent, line)
		} else {
			rest = append(rest, line)
		}
	}
	room := d.room(lines)
	taken, err := d.share(ctx, urgent, limit, room)
	if err != nil {
		return nil, err
	}
	more, err := d.share(ctx, rest, limit-len(taken), room)
	return append(taken, more...), err
}

// room is how much each lane may take: no more than it leaves free for others, so that lanes whose calls hang
// never take all there is.
func (d *dispatcher[L, W, R]) room(lines []L) map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	room := make(map[string]int, len(lines))
	for _, line := range lines {
		lane := line.Lane()
		room[lane] = max((d.options.InHand-d.total-d.lanes[lane])/2, 0)
		if d.lanes[lane] == 0 && d.total < d.options.InHand {
			room[lane] = max(room[lane], 1)
		}
	}
	return room
}

// share divides limit among lines, and takes what it gives from their lanes' room.
func (d *dispatcher[L, W, R]) share(ctx context.Context, lines []L, limit int, room map[string]int) ([]picked[W], error) {
	if len(lines) == 0 || limit <= 0 {
		return nil, nil
	}
	lines = d.rotated(lines, limit)
	quota := max(limit/len(lines), 1)
	gave := make([][]W, len(lines))
	left, hungry := limit, 0
	for i, line := range lines {
		n := min(quota, left, room[line.Lane()])
		if n == 0 {
			continue
		}
		var err error
		if gave[i], err = d.take(ctx, line, n); err != nil {
			return nil, err
		}
		left -= len(gave[i])
		room[line.Lane()] -= len(gave[i])
		if len(gave[i]) == n {
			hungry++
		}
	}
	for i, line := range lines {
		if left == 0 || hungry == 0 {
			break
		}
		if len(gave[i]) < quota {
			continue
		}
		more := min((left+hungry-1)/hungry, room[line.Lane()])
		hungry--
		if more <= 0 {
			continue
		}
		all, err := d.take(ctx, line, len(gave[i])+more)
		if err != nil {
			return nil, err
		}
		left -= len(all) - len(gave[i])
		room[line.Lane()] -= len(all) - len(gave[i])
		gave[i] = all
	}
	var taken []picked[W]
	for i, line := range lines {
		for _, w := range gave[i] {
			taken = append(taken, picked[W]{w, line.Lane()})
		}
	}
	return taken, nil
}

// rotated lets another line go first each time.
func (d *dispatcher[L, W, R]) rotated(lines []L, limit int) []L {
	first := d.cursor % len(lines)
	d.cursor += min(limit, len(lines))
	if limit >= len(lines) {
		d.cursor = first + 1
	}
	return append(append([]L(nil), lines[first:]...), lines[:first]...)
}

// take returns up to n due pieces of a line, without those in hand.
func (d *dispatcher[L, W, R]) take(ctx context.Context, line L, n int) ([]W, error) {
	all, err := d.source.Due(ctx, line, n)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	pieces := all[:0]
	for _, w := range all {
		if d.held[w.Key()] == nil {
			pieces = append(pieces, w)
		}
	}
	return pieces, nil
}
