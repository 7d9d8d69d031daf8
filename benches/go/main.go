// The scenarios of `against-go`, in Go: prints the nanoseconds that a number of operations took, or their bytes.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// Two goroutines, each with half of the operations.
func both(times uint64, run func(seed, times uint64)) {
	var group sync.WaitGroup
	for seed := uint64(1); seed <= 2; seed++ {
		group.Add(1)
		go func() {
			defer group.Done()
			run(seed, times/2)
		}()
	}
	group.Wait()
}

func next(random uint64) uint64 {
	return random*6364136223846793005 + 1442695040888963407
}

func useMap(keys, every, times uint64) time.Duration {
	var shared sync.Map
	for key := uint64(0); key < keys; key++ {
		shared.Store(key, key)
	}
	started := time.Now()
	both(times, func(random, times uint64) {
		for n := uint64(0); n < times; n++ {
			random = next(random)
			key := (random >> 33) % keys
			if every != 0 && n%every == every-1 {
				shared.Store(key, n)
			} else {
				shared.Load(key)
			}
		}
	})
	return time.Since(started)
}

func main() {
	scenario := os.Args[2]
	times, _ := strconv.ParseUint(os.Args[3], 10, 64)
	if figure, found := goroutines(scenario, times); found {
		fmt.Println(figure)
		return
	}
	if figure, found := contexts(scenario, times); found {
		fmt.Println(figure)
		return
	}
	started := time.Now()
	var took time.Duration
	switch scenario {
	case "mutex":
		var lock sync.Mutex
		total := 0
		for n := uint64(0); n < times; n++ {
			lock.Lock()
			total++
			lock.Unlock()
		}
	case "mutex-two":
		var lock sync.Mutex
		total := 0
		both(times, func(_, times uint64) {
			for n := uint64(0); n < times; n++ {
				lock.Lock()
				total++
				lock.Unlock()
			}
		})
	case "rw-read":
		var lock sync.RWMutex
		for n := uint64(0); n < times; n++ {
			lock.RLock()
			lock.RUnlock()
		}
	case "wait-group":
		var group sync.WaitGroup
		for n := uint64(0); n < times; n++ {
			group.Add(1)
			group.Done()
			group.Wait()
		}
	case "pool":
		pool := sync.Pool{New: func() any { return new([64]byte) }}
		for n := uint64(0); n < times; n++ {
			pool.Put(pool.Get())
		}
	case "pool-two":
		pool := sync.Pool{New: func() any { return new([64]byte) }}
		both(times, func(_, times uint64) {
			for n := uint64(0); n < times; n++ {
				pool.Put(pool.Get())
			}
		})
	case "map-1024-loads":
		took = useMap(1024, 0, times)
	case "map-1024-stores":
		took = useMap(1024, 10, times)
	case "map-million-loads":
		took = useMap(1000000, 0, times)
	case "map-million-stores":
		took = useMap(1000000, 10, times)
	default:
		fmt.Fprintln(os.Stderr, "no such scenario:", scenario)
		os.Exit(1)
	}
	if took == 0 {
		took = time.Since(started)
	}
	fmt.Println(took.Nanoseconds())
}
