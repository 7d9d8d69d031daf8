package main

import (
	"context"
	"time"
)

// Contexts and function timers: the nanoseconds of a scenario, if it is one of these.
func contexts(scenario string, times uint64) (uint64, bool) {
	background := context.Background()
	started := time.Now()
	switch scenario {
	case "context-cancel":
		for n := uint64(0); n < times; n++ {
			_, cancel := context.WithCancel(background)
			cancel()
		}
	case "context-child":
		above, cancelAbove := context.WithCancel(background)
		started = time.Now()
		for n := uint64(0); n < times; n++ {
			_, cancel := context.WithCancel(above)
			cancel()
		}
		defer cancelAbove()
	case "context-timeout":
		for n := uint64(0); n < times; n++ {
			_, cancel := context.WithTimeout(background, time.Hour)
			cancel()
		}
	case "context-tree-1000":
		var took time.Duration
		for n := uint64(0); n < times; n++ {
			above, cancel := context.WithCancel(background)
			cancels := make([]context.CancelFunc, 1000)
			for at := range cancels {
				_, cancels[at] = context.WithCancel(above)
			}
			began := time.Now()
			cancel()
			took += time.Since(began)
			for _, cancel := range cancels {
				cancel()
			}
		}
		return uint64(took.Nanoseconds()), true
	case "func-timer-stop":
		for n := uint64(0); n < times; n++ {
			time.AfterFunc(time.Hour, func() {}).Stop()
		}
	case "func-timer-reset":
		timer := time.AfterFunc(time.Hour, func() {})
		for n := uint64(0); n < times; n++ {
			timer.Reset(time.Hour)
		}
		timer.Stop()
	case "func-timer-many":
		timers := make([]*time.Timer, times)
		for at := range timers {
			timers[at] = time.AfterFunc(time.Hour, func() {})
		}
		for _, timer := range timers {
			timer.Stop()
		}
	default:
		return 0, false
	}
	return uint64(time.Since(started).Nanoseconds()), true
}
