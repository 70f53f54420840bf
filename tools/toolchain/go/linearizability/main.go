// Judge whether a history of calls of Consul's KV store is linearizable.
//
// It reads a JSON list of calls from standard input; Call describes one. Every key is a register, which is empty at the
// start. Written values must differ, so that a compare-and-set on a value is one on its index. The exit code is 0 if the
// history is linearizable, 1 if it is not, and 2 if the history is invalid or could not be judged in time.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

const limit = 2 * time.Minute

// Call is one call: a put of Value, a get that returned Value, or a cas from Expected to Value that returned OK. An
// Unknown call had no answer: it may take effect at any time after Start, or never. Start and End are nanoseconds.
type Call struct {
	Kind     string
	Key      string
	Value    string
	Expected string
	OK       bool
	Unknown  bool
	Start    int64
	End      int64
	Worker   int
}

func step(state, input, _ interface{}) []interface{} {
	value, call := state.(string), input.(Call)
	matches := value == call.Expected
	switch {
	case call.Kind == "put" && call.Unknown:
		return []interface{}{call.Value, value}
	case call.Kind == "put":
		return []interface{}{call.Value}
	case call.Kind == "cas" && call.Unknown && matches:
		return []interface{}{call.Value, value}
	case call.Kind == "cas" && (call.Unknown || !call.OK && !matches):
		return []interface{}{value}
	case call.Kind == "cas" && call.OK && matches:
		return []interface{}{call.Value}
	case call.Kind == "get" && value == call.Value:
		return []interface{}{value}
	}
	return nil
}

func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	keys := map[string][]porcupine.Operation{}
	for _, operation := range history {
		key := operation.Input.(Call).Key
		keys[key] = append(keys[key], operation)
	}
	var parts [][]porcupine.Operation
	for _, part := range keys {
		parts = append(parts, part)
	}
	return parts
}

func main() {
	var calls []Call
	if err := json.NewDecoder(os.Stdin).Decode(&calls); err != nil {
		fmt.Println("no history:", err)
		os.Exit(2)
	}
	register := porcupine.NondeterministicModel{
		Partition: byKey,
		Init:      func() []interface{} { return []interface{}{""} },
		Step:      step,
		Equal:     func(one, other interface{}) bool { return one == other },
	}
	var history []porcupine.Operation
	for _, call := range calls {
		if call.Unknown {
			call.End = math.MaxInt64
		}
		history = append(history, porcupine.Operation{ClientId: call.Worker, Input: call, Call: call.Start, Return: call.End})
	}
	switch model := register.ToModel(); porcupine.CheckOperationsTimeout(model, history, limit) {
	case porcupine.Ok:
		fmt.Printf("%d calls are linearizable\n", len(calls))
	case porcupine.Illegal:
		for _, part := range byKey(history) {
			if porcupine.CheckOperationsTimeout(model, part, limit) == porcupine.Illegal {
				fmt.Printf("the calls of the key %s are not linearizable\n", part[0].Input.(Call).Key)
			}
		}
		os.Exit(1)
	default:
		fmt.Printf("%d calls could not be judged within %s\n", len(calls), limit)
		os.Exit(2)
	}
}
