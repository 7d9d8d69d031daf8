package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The nanoseconds of a scenario of goroutines, or its bytes; false: no scenario has this name.
func goroutines(scenario string, times uint64) (uint64, bool) {
	kind, size := scenario, uint64(0)
	if at := strings.LastIndex(scenario, "-"); at >= 0 {
		if number, err := strconv.ParseUint(scenario[at+1:], 10, 64); err == nil {
			kind, size = scenario[:at], number
		}
	}
	runtime.GOMAXPROCS(2)
	if kind == "go-yield" {
		runtime.GOMAXPROCS(1)
	}
	started := time.Now()
	switch kind {
	case "go-ping-pong":
		pingPong(times, false)
	case "go-ping-pong-locked":
		pingPong(times, true)
	case "go-cond-ping-pong":
		condPingPong(times)
	case "go-spsc":
		exchange(1, size, times)
	case "go-mpmc-2x":
		exchange(2, size, times)
	case "go-mpmc-8x":
		exchange(8, size, times)
	case "go-pipeline":
		first, last := stages(size)
		started = time.Now()
		go func() {
			for n := uint64(0); n < times; n++ {
				first <- n
			}
			close(first)
		}()
		for range last {
		}
	case "go-ring":
		first, last := stages(size - 1)
		started = time.Now()
		for n := uint64(0); n < times/size; n++ {
			first <- n
			<-last
		}
	case "go-select":
		selectOf(size, times)
	case "go-start":
		for n := uint64(0); n < times/1000; n++ {
			var group sync.WaitGroup
			group.Add(1000)
			for m := 0; m < 1000; m++ {
				go func() { group.Done() }()
			}
			group.Wait()
		}
	case "go-start-chain":
		done := make(chan struct{})
		go link(times, done)
		<-done
	case "go-start-join":
		values := make(chan uint64)
		for n := uint64(0); n < times; n++ {
			go func() { values <- n }()
			<-values
		}
	case "go-start-wait":
		var group sync.WaitGroup
		for n := uint64(0); n < times; n++ {
			group.Add(1)
			go func() { group.Done() }()
			group.Wait()
		}
	case "go-yield":
		each(size, func() {
			for n := uint64(0); n < times/size; n++ {
				runtime.Gosched()
			}
		})
	case "go-stack":
		for n := uint64(0); n < times; n++ {
			each(1, func() { sink += deep(60) })
		}
	case "go-mutex":
		var lock sync.Mutex
		total := 0
		each(size, func() {
			for n := uint64(0); n < times/size; n++ {
				lock.Lock()
				total++
				lock.Unlock()
			}
		})
	case "go-after-in-select":
		values := make(chan uint64, 1)
		for n := uint64(0); n < times; n++ {
			values <- n
			select {
			case <-values:
			case <-time.After(time.Hour):
				panic("an hour has not passed")
			}
		}
	case "go-timer-stop":
		for n := uint64(0); n < times; n++ {
			time.NewTimer(time.Hour).Stop()
		}
	case "go-parked-bytes":
		bytes, _ := parked(times)
		return bytes, true
	case "go-wake-and-end":
		_, took := parked(times)
		return uint64(took.Nanoseconds()), true
	default:
		return 0, false
	}
	return uint64(time.Since(started).Nanoseconds()), true
}

// Starts so many goroutines, and waits for them.
func each(size uint64, run func()) {
	var group sync.WaitGroup
	for n := uint64(0); n < size; n++ {
		group.Add(1)
		go func() {
			defer group.Done()
			run()
		}()
	}
	group.Wait()
}

func pingPong(times uint64, locked bool) {
	there, back := make(chan uint64), make(chan uint64)
	go func() {
		if locked {
			runtime.LockOSThread()
		}
		for value := range there {
			back <- value
		}
	}()
	if locked {
		runtime.LockOSThread()
	}
	for n := uint64(0); n < times; n++ {
		there <- n
		<-back
	}
	close(there)
}

func condPingPong(times uint64) {
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	turn := uint64(0)
	var group sync.WaitGroup
	for mine := uint64(0); mine < 2; mine++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := uint64(0); n < times; n++ {
				lock.Lock()
				for turn%2 != mine {
					changed.Wait()
				}
				turn++
				changed.Signal()
				lock.Unlock()
			}
		}()
	}
	group.Wait()
}

func exchange(sides, capacity, times uint64) {
	values := make(chan uint64, capacity)
	var senders, receivers sync.WaitGroup
	for side := uint64(0); side < sides; side++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for n := uint64(0); n < times/sides; n++ {
				values <- n
			}
		}()
		receivers.Add(1)
		go func() {
			defer receivers.Done()
			for range values {
			}
		}()
	}
	senders.Wait()
	close(values)
	receivers.Wait()
}

// Goroutines of which each passes values on to the next.
func stages(size uint64) (chan uint64, chan uint64) {
	first := make(chan uint64)
	last := first
	for n := uint64(0); n < size; n++ {
		from, to := last, make(chan uint64)
		go func() {
			for value := range from {
				to <- value
			}
			close(to)
		}()
		last = to
	}
	return first, last
}

func selectOf(size, times uint64) {
	c := make([]chan uint64, size)
	for n := range c {
		c[n] = make(chan uint64)
	}
	go func() {
		for n := uint64(0); n < times; n++ {
			c[n%size] <- n
		}
	}()
	for n := uint64(0); n < times; n++ {
		if size == 2 {
			select {
			case <-c[0]:
			case <-c[1]:
			}
			continue
		}
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		case <-c[4]:
		case <-c[5]:
		case <-c[6]:
		case <-c[7]:
		}
	}
}

func link(left uint64, done chan struct{}) {
	if left == 0 {
		done <- struct{}{}
		return
	}
	go link(left-1, done)
}

var sink byte

//go:noinline
func deep(left uint32) byte {
	var frame [1024]byte
	frame[left] = byte(left)
	if left == 0 {
		return frame[0]
	}
	return deep(left-1) | frame[1023]
}

func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		panic(err)
	}
	return pages * 4096
}

func parked(times uint64) (uint64, time.Duration) {
	values := make(chan struct{})
	var begun, ended sync.WaitGroup
	before := resident()
	for n := uint64(0); n < times; n++ {
		begun.Add(1)
		ended.Add(1)
		go func() {
			begun.Done()
			<-values
			ended.Done()
		}()
	}
	begun.Wait()
	bytes := resident() - before
	started := time.Now()
	close(values)
	ended.Wait()
	return bytes, time.Since(started)
}
