package presence

// Age is what happens each second.
func (s *Presence) Age() { s.age() }

// Known is how many people are remembered.
func (s *Presence) Known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.people)
}
