// The jobs of the channel benchmarks in Go: the same counts, the same lines of output, the fastest of five rounds.
// Run: go build && ./channels JOB; GOMAXPROCS=1 for the jobs within one process.
package main

import (
	"fmt"
	"os"
	"time"
)

// best runs a round five times and returns the seconds of the fastest.
func best(round func()) float64 {
	low := 0.0
	for i := 0; i < 5; i++ {
		start := time.Now()
		round()
		if t := time.Since(start).Seconds(); i == 0 || t < low {
			low = t
		}
	}
	return low
}

func say(name string, value float64) {
	fmt.Printf("%s %.2f\n", name, value)
}

func must(ok bool) {
	if !ok {
		panic("wrong result")
	}
}

// roundTrips exchanges n values with an echo over two unbuffered channels.
func roundTrips(name string, n int) {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v + 1
		}
	}()
	t := best(func() {
		v := 0
		for i := 0; i < n; i++ {
			ping <- v
			v = <-pong
		}
		must(v == n)
	})
	close(ping)
	say(name, float64(n)/t)
}

func oneWay(name string, capacity, n int) {
	t := best(func() {
		ch := make(chan int, capacity)
		go func() {
			for i := 1; i <= n; i++ {
				ch <- i
			}
			close(ch)
		}()
		sum := 0
		for v := range ch {
			sum += v
		}
		must(sum == n*(n+1)/2)
	})
	say(name, float64(n)/t)
}

func selectThree(name string, capacity, n int) {
	t := best(func() {
		var channels [3]chan int
		for i := range channels {
			ch := make(chan int, capacity)
			channels[i] = ch
			go func() {
				for i := 1; i <= n; i++ {
					ch <- i
				}
			}()
		}
		sum := 0
		for i := 0; i < 3*n; i++ {
			select {
			case v := <-channels[0]:
				sum += v
			case v := <-channels[1]:
				sum += v
			case v := <-channels[2]:
				sum += v
			}
		}
		must(sum == 3*(n*(n+1)/2))
	})
	say(name, float64(3*n)/t)
}

func fanIn(name string, producers, each int) {
	t := best(func() {
		ch := make(chan int, 100)
		for i := 0; i < producers; i++ {
			go func() {
				for k := each; k > 0; k-- {
					ch <- k
				}
			}()
		}
		sum := 0
		for i := 0; i < producers*each; i++ {
			sum += <-ch
		}
		must(sum == producers*(each*(each+1)/2))
	})
	say(name, float64(producers*each)/t)
}

func main() {
	switch os.Args[1] {
	case "chan_pingpong":
		roundTrips("chan_pingpong", 1000000)
	case "chan_throughput":
		oneWay("chan_unbuffered", 0, 2000000)
		oneWay("chan_buffered_100", 100, 5000000)
		oneWay("chan_buffered_1024", 1024, 5000000)
	case "chan_select":
		selectThree("select3_unbuffered", 0, 500000)
		selectThree("select3_buffered_100", 100, 500000)
	case "chan_shared":
		roundTrips("shared_pingpong", 300000)
		fanIn("shared_fan_in_4x250000", 4, 250000)
	}
}
