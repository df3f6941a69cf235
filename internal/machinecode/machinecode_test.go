package machinecode

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"

	"byok/internal/executable"
)

// program is an image whose functions follow each other at 0x1000, each at a
// multiple of 16, and whose data is at 0x8000.
func program(arch string, functions []string, data ...uint64) *executable.Image {
	table := executable.Table{}
	var code []byte
	for i, text := range functions {
		own, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			panic(err)
		}
		start := uint64(0x1000 + len(code))
		code = append(code, own...)
		for len(code)%64 != 0 {
			code = append(code, 0)
		}
		name := string(rune('a' + i))
		table.Functions = append(table.Functions, executable.Function{
			Name: "main." + name, Start: start, End: start + uint64(len(own)),
		})
	}
	var words []byte
	for _, word := range data {
		words = binary.LittleEndian.AppendUint64(words, word)
	}
	return &executable.Image{
		Format: "ELF", Arch: arch, Tables: []executable.Table{table},
		Segments: []executable.Segment{
			{Address: 0x1000, Data: code, Executable: true},
			{Address: 0x8000, Data: words},
		},
	}
}

func TestKernel(t *testing.T) {
	const gateAMD64, gateARM64 = "0f05 c3", "e80300aa 010000d4 c0035fd6" // SYSCALL, RET; MOV X8, X0, SVC, RET
	for _, test := range []struct {
		name, arch string
		functions  []string // at 0x1000, 0x1040, …
		want       []Call
		gates      []string
	}{
		{"a number beside the call", "amd64", []string{"b829000000 0f05 c3"}, []Call{{By: "main.a", Address: 0x1005, Number: 41}}, nil},
		{"a number of 64 bits", "amd64", []string{"48c7c029000000 0f05"}, []Call{{By: "main.a", Address: 0x1007, Number: 41}}, nil},
		{"zero", "amd64", []string{"31c0 0f05"}, []Call{{By: "main.a", Address: 0x1002, Number: 0}}, nil},
		{"from another register", "amd64", []string{"bb29000000 4889d8 0f05"}, []Call{{By: "main.a", Address: 0x1008, Number: 41}}, nil},
		{"by way of the stack", "amd64", []string{"4883ec10 c744240829000000 4883c408 8b0424 0f05"},
			[]Call{{By: "main.a", Address: 0x1013, Number: 41}}, nil},
		{"passed on", "amd64", []string{gateAMD64, "b82a000000 e8b6ffffff c3"},
			[]Call{{By: "main.b", Address: 0x1045, Number: 42}}, []string{"main.a"}},
		{"passed on twice, through a spill", "amd64",
			[]string{gateAMD64, "4883ec08 4889442410 90 488b442410 e8acffffff c3", "b829000000 e9b6ffffff"},
			[]Call{{By: "main.c", Address: 0x1085, Number: 41}}, []string{"main.a", "main.b"}},
		{"passed on the stack", "amd64", []string{"488b442408 0f05 c3", "4883ec08 48c7042429000000 e8afffffff"},
			[]Call{{By: "main.b", Address: 0x104c, Number: 41}}, []string{"main.a"}},
		{"what both ways agree on", "amd64", []string{"b829000000 85db 7401 90 0f05 c3"},
			[]Call{{By: "main.a", Address: 0x100a, Number: 41}}, nil},
		{"what two ways do not agree on", "amd64", []string{"b827000000 85db 7405 b829000000 0f05 c3"},
			[]Call{{By: "main.a", Address: 0x100e, Number: Unknown}}, nil},
		{"a loop", "amd64", []string{"b827000000 0f05 ebfc"}, []Call{{By: "main.a", Address: 0x1005, Number: Unknown}}, nil},
		{"from memory", "amd64", []string{"488b03 0f05 c3"}, []Call{{By: "main.a", Address: 0x1003, Number: Unknown}}, nil},
		{"changed in part", "amd64", []string{"b829000000 b001 0f05"}, []Call{{By: "main.a", Address: 0x1007, Number: Unknown}}, nil},
		{"changed without being named", "amd64", []string{"b829000000 0fa2 0f05"}, []Call{{By: "main.a", Address: 0x1007, Number: Unknown}}, nil},
		{"exchanged", "amd64", []string{"b829000000 4893 0f05"}, []Call{{By: "main.a", Address: 0x1007, Number: Unknown}}, nil},
		{"another stack", "amd64", []string{"c744240829000000 4889ec 8b442408 0f05"}, []Call{{By: "main.a", Address: 0x100f, Number: Unknown}}, nil},
		{"of 32 bits", "amd64", []string{"b866010000 cd80"}, []Call{{By: "main.a", Address: 0x1005, Number: 358, Foreign: true}}, nil},
		{"sysenter", "amd64", []string{"0f34"}, []Call{{By: "main.a", Address: 0x1000, Number: Unknown, Foreign: true}}, []string{"main.a"}},
		{"bits that the kernel does not take", "amd64", []string{"48b82900000007000000 0f05"},
			[]Call{{By: "main.a", Address: 0x100a, Number: 41}}, nil},
		{"changed by a table", "amd64", []string{"b829000000 d7 0f05"},
			[]Call{{By: "main.a", Address: 0x1006, Number: Unknown}}, nil},
		{"changed by the flags", "amd64", []string{"b829000000 9f 0f05"},
			[]Call{{By: "main.a", Address: 0x1006, Number: Unknown}}, nil},
		{"counted down", "amd64", []string{"b964000000 f2ae 89c8 0f05"},
			[]Call{{By: "main.a", Address: 0x1009, Number: Unknown}}, nil},
		{"changed by a pointer", "amd64", []string{"48c7042427000000 488d1c24 48c70329000000 488b0424 0f05"},
			[]Call{{By: "main.a", Address: 0x1017, Number: Unknown}}, nil},
		{"changed in part on the stack", "amd64", []string{"48c7042429010000 c644240100 8b0424 0f05"},
			[]Call{{By: "main.a", Address: 0x1010, Number: Unknown}}, nil},
		{"pushed over", "amd64", []string{"48c74424f827000000 6a29 8b0424 0f05"},
			[]Call{{By: "main.a", Address: 0x100e, Number: Unknown}}, nil},
		{"added to on the stack", "amd64", []string{"48c7042427000000 4883042402 8b0424 0f05"},
			[]Call{{By: "main.a", Address: 0x1010, Number: Unknown}}, nil},
		{"changed by who is called", "amd64", []string{"c3", "48c7042427000000 e8b3ffffff 8b0424 0f05"},
			[]Call{{By: "main.b", Address: 0x1050, Number: Unknown}}, nil},
		{"a wide store beside it", "amd64", []string{"48c7042429000000 440f117c2410 8b0424 0f05"},
			[]Call{{By: "main.a", Address: 0x1011, Number: 41}}, nil},
		{"a wide store over it", "amd64", []string{"48c7042429000000 440f113c24 8b0424 0f05"},
			[]Call{{By: "main.a", Address: 0x1010, Number: Unknown}}, nil},
		{"called in the middle", "amd64", []string{"b827000000 0f05 c3", "b829000000 e8bbffffff"},
			[]Call{{By: "main.a", Address: 0x1005, Number: Unknown}}, nil},
		{"an address in the middle", "amd64", []string{"b827000000 0f05 c3", "488d0dbeffffff"},
			[]Call{{By: "main.a", Address: 0x1005, Number: Unknown}}, nil},
		{"jumped over", "amd64", []string{"b829000000 eb02 48b8 0f05 909090909090"},
			[]Call{{By: "main.a", Address: 0x1009, Number: Unknown}}, nil},
		{"jumped over twice", "amd64", []string{"b829000000 eb02 48b8 eb02 48b8 0f05 9090909090909090"},
			[]Call{{By: "main.a", Address: 0x100d, Number: Unknown}}, nil},
		{"called in the middle of itself", "amd64", []string{"b829000000 e805000000 b827000000 0f05 c3"},
			[]Call{{By: "main.a", Address: 0x100f, Number: Unknown}}, nil},
		{"a function that calls itself", "amd64", []string{"85ff 7407 b829000000 ebf5 0f05 c3"},
			[]Call{{By: "main.a", Address: 0x1009, Number: 41}}, []string{"main.a"}},
		{"reached by what is not known", "amd64", []string{"85ff b827000000 7403 ffe3 90 0f05"},
			[]Call{{By: "main.a", Address: 0x100c, Number: Unknown}}, nil},
		{"after an instruction that is not known", "amd64", []string{"b829000000 c4e2f1f7c0 0f05 90909090"},
			[]Call{{By: "main.a", Address: 0x100a, Number: Unknown}}, nil},
		{"by the gate of Windows", "amd64", []string{"b866010000 cd2e"},
			[]Call{{By: "main.a", Address: 0x1005, Number: 358, Foreign: true}}, nil},

		{"a number beside the call", "arm64", []string{"c81880d2 010000d4"}, []Call{{By: "main.a", Address: 0x1004, Number: 198}}, nil},
		{"a pattern of bits", "arm64", []string{"e8077ab2 010000d4"}, []Call{{By: "main.a", Address: 0x1004, Number: 192}}, nil},
		{"passed on", "arm64", []string{gateARM64, "601980d2 efffff97"},
			[]Call{{By: "main.b", Address: 0x1044, Number: 203}}, []string{"main.a"}},
		{"passed on the stack", "arm64", []string{"e80740f9 010000d4", "ff8300d1 c01880d2 e0ff00a9 edffff97"},
			[]Call{{By: "main.b", Address: 0x104c, Number: 198}}, []string{"main.a"}},
		{"spilt and read back", "arm64", []string{"fe0f1ef8 c81880d2 e80700f9 080080d2 e80740f9 010000d4"},
			[]Call{{By: "main.a", Address: 0x1014, Number: 198}}, nil},
		{"a pair read back", "arm64", []string{"c81880d2 e82701a9 e82741a9 010000d4"},
			[]Call{{By: "main.a", Address: 0x100c, Number: 198}}, nil},
		{"a store to elsewhere changes nothing", "arm64", []string{"c81880d2 280000f9 280400a9 010000d4"},
			[]Call{{By: "main.a", Address: 0x100c, Number: 198}}, nil},
		{"read from elsewhere", "arm64", []string{"280040f9 010000d4"}, []Call{{By: "main.a", Address: 0x1004, Number: Unknown}}, nil},
		{"added to", "arm64", []string{"c81880d2 08050091 010000d4"}, []Call{{By: "main.a", Address: 0x1008, Number: Unknown}}, nil},
		{"bits that the kernel does not take", "arm64", []string{"c81880d2 e800c0f2 010000d4"},
			[]Call{{By: "main.a", Address: 0x1008, Number: 198}}, nil},
		{"an address in the middle", "arm64", []string{"881580d2 010000d4 c0035fd6", "00000090 00100091"},
			[]Call{{By: "main.a", Address: 0x1004, Number: Unknown}}, nil},
		{"an address whose page is gone", "arm64", []string{"881580d2 010000d4 c0035fd6", "00000090 000080d2 00100091"},
			[]Call{{By: "main.a", Address: 0x1004, Number: 172}}, nil},
		{"with a constant of its own", "arm64", []string{"c81880d2 e10000d4"},
			[]Call{{By: "main.a", Address: 0x1004, Number: 198}}, nil},
		{"changed by a pointer", "arm64", []string{"881580d2 e80700f9 e5230091 a40000f9 e80740f9 010000d4"},
			[]Call{{By: "main.a", Address: 0x1014, Number: Unknown}}, nil},
		{"written over", "arm64", []string{"881580d2 e80700f9 e48300f8 e80740f9 010000d4"},
			[]Call{{By: "main.a", Address: 0x1010, Number: Unknown}}, nil},
		{"written and read at an odd place", "arm64", []string{"c81880d2 e84300f8 e84340f8 010000d4"},
			[]Call{{By: "main.a", Address: 0x100c, Number: 198}}, nil},
		{"an authenticated call before it", "arm64", []string{"881580d2 7f083fd6 010000d4"},
			[]Call{{By: "main.a", Address: 0x1008, Number: Unknown}}, nil},
		{"the second of a pair that is exchanged", "arm64", []string{"871580d2 a27c6648 e80307aa 010000d4"},
			[]Call{{By: "main.a", Address: 0x100c, Number: Unknown}}, nil},
		{"a pointer that moves on", "arm64", []string{"881580d2 006546f8 010000d4"},
			[]Call{{By: "main.a", Address: 0x1008, Number: Unknown}}, nil},
	} {
		t.Run(test.arch+", "+test.name, func(t *testing.T) {
			code := Scan(program(test.arch, test.functions), nil)
			calls := slices.DeleteFunc(code.Kernel, func(c Call) bool { return c.By == NoName })
			if test.name == "sysenter" { // its number is its caller's to give
				test.want = nil
			}
			if !reflect.DeepEqual(calls, test.want) && len(calls)+len(test.want) > 0 {
				t.Errorf("%+v, want %+v", calls, test.want)
			}
			if !slices.Equal(code.Gates, test.gates) {
				t.Errorf("gates %q, want %q", code.Gates, test.gates)
			}
		})
	}
}

func TestUses(t *testing.T) {
	for _, test := range []struct {
		name, arch string
		functions  []string
		data       []uint64
		want       []Use
	}{
		{"a call", "amd64", []string{"c3", "e8bbffffff"}, nil, []Use{{By: "main.b", Target: 0x1000, Name: "main.a"}}},
		{"a jump", "amd64", []string{"c3", "e9bbffffff"}, nil, []Use{{By: "main.b", Target: 0x1000, Name: "main.a"}}},
		{"an address", "amd64", []string{"c3", "488d05b9ffffff"}, nil, []Use{{By: "main.b", Target: 0x1000, Name: "main.a", Address: true}}},
		{"an address in data, and that of the data", "amd64", []string{"c3", "488d05b96f0000"}, []uint64{0x1000, 0x8000}, []Use{
			{By: "main.b", Target: 0x1000, Name: "main.a", Address: true},
			{Target: 0x1000, Name: "main.a", Address: true},
			{Target: 0x1000, Name: "main.a", Address: true},
		}},
		{"a datum", "amd64", []string{"488d05096f0000 90 488d0501700000"}, []uint64{0, 0, 0x8010}, []Use{
			{By: "main.a", Target: 0x8010, Address: true}, {Target: 0x8010, Address: true},
		}},
		{"the middle of a function", "amd64", []string{"9090c3", "e8bcffffff"}, nil, nil},
		{"a call", "arm64", []string{"c0035fd6", "f0ffff97"}, nil, []Use{{By: "main.b", Target: 0x1000, Name: "main.a"}}},
		{"an address in two instructions", "arm64", []string{"200000f0 00400091"}, []uint64{0}, []Use{{By: "main.a", Target: 0x8010, Address: true}}},
	} {
		t.Run(test.arch+", "+test.name, func(t *testing.T) {
			code := Scan(program(test.arch, test.functions, test.data...), []uint64{0x8010})
			if !reflect.DeepEqual(code.Uses, test.want) && len(code.Uses)+len(test.want) > 0 {
				t.Errorf("%+v\nwant %+v", code.Uses, test.want)
			}
		})
	}
}

// TestCodeWithoutAName: what is between functions is read too.
func TestCodeWithoutAName(t *testing.T) {
	image := program("amd64", []string{"b829000000 0f05", "c3"})
	image.Tables[0].Functions = image.Tables[0].Functions[1:]
	code := Scan(image, nil)
	if want := []Call{{By: NoName, Address: 0x1005, Number: 41}}; !reflect.DeepEqual(code.Kernel, want) || code.Size != 128 {
		t.Errorf("%+v of %d bytes, want %+v", code.Kernel, code.Size, want)
	}
	image.Tables = nil
	image.Segments[0].Data = []byte{0x0f, 0x05} // whose number would be its caller's
	if code := Scan(image, nil); len(code.Kernel) != 1 || code.Kernel[0].Number != Unknown {
		t.Errorf("%+v", code.Kernel)
	}
}

func TestPackage(t *testing.T) {
	for name, want := range map[string]string{
		"net.Dial":                                "net",
		"net.(*Dialer).Dial.func1":                "net",
		"golang.org/x/sys/unix.Socket":            "golang.org/x/sys/unix",
		"slices.Sort[go.shape.[]net/http.Header]": "slices",
		"gopkg.in/yaml.Unmarshal":                 "gopkg.in/yaml",
		"code without a name":                     "code without a name",
		"":                                        "",
	} {
		if got := Package(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// FuzzScan: any bytes are read to their end.
func FuzzScan(f *testing.F) {
	f.Add([]byte("\xb8\x29\x00\x00\x00\x0f\x05\xc3"), false)
	f.Add([]byte("\x48\x8d\x05\xb9\xff\xff\xff\xe8\xbb\xff\xff\xff\x74\x01"), false)
	f.Add([]byte("\xc8\x18\x80\xd2\x01\x00\x00\xd4\xe0\xff\x00\xa9\xf0\xff\xff\x97"), true)
	f.Fuzz(func(t *testing.T, code []byte, arm bool) {
		arch := "amd64"
		if arm {
			arch = "arm64"
		}
		image := program(arch, []string{hex.EncodeToString(code), hex.EncodeToString(code)}, 0x1000, 0x8000)
		if got := Scan(image, []uint64{0x8000}); got.Size != len(image.Segments[0].Data) {
			t.Errorf("%d of %d bytes", got.Size, len(image.Segments[0].Data))
		}
	})
}

// TestUnknownLength: what follows an instruction that is not known is read.
func TestUnknownLength(t *testing.T) {
	for _, test := range []struct {
		name, code string
		want       uint64
	}{
		{"VZEROUPPER", "c5f877 9090", 3},
		{"VMOVD EAX, XMM0", "c5f97ec0 9090", 4},
		{"SHLX EAX, EAX, ECX", "c4e2f1f7c0 9090", 5},
		{"VPERMQ, with a constant", "c4e3fd00c14e 9090", 6},
		{"VMOVDQA, from an address of 32 bits", "c5f96f042510000000 9090", 9},
		{"VMOVDQA, beside the instruction", "c5f96f0510000000 9090", 8},
		{"VMOVDQA, 128 bytes on", "c5f96f8080000000 9090", 8},
		{"VMOVDQU64, of EVEX", "62f1fe486f4001 9090", 7},
		{"VPSHUFD, with a constant", "c5f970c011 9090", 5},
		{"ADOX, with prefixes", "f3480f38f6c3 9090", 6},
		{"SHA1RNDS4", "0f3accc100 9090", 5},
		{"RDPID", "f30fc7f8 9090", 4},
		{"cut short", "c5f96f", 1},
		{"cut in its operands", "c5f96f0425 1000", 1},
		{"none", "06 9090", 1},
		{"nothing but prefixes", "6666", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, err := hex.DecodeString(strings.ReplaceAll(test.code, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := unknownLength(code); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
}

// TestExcess: a file that is made to have more than any program is not read on and
// on, and says so.
func TestExcess(t *testing.T) {
	for _, test := range []struct {
		name, code string
		times      int
	}{
		{"system calls", "0f05", mostCalls + 1},
		{"system calls over which it jumps", "eb01 b8 0f05 9090", mostCalls + 1},
		{"branches", "7400", mostSteps + 2},
		{"code", "90", mostCode + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, err := hex.DecodeString(strings.ReplaceAll(test.code, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			image := &executable.Image{Format: "ELF", Arch: "amd64", Segments: []executable.Segment{
				{Address: 0x1000, Data: append([]byte{0x0f, 0x05}, bytes.Repeat(code, test.times)...), Executable: true},
			}}
			if got := Scan(image, nil); !got.Excess || len(got.Kernel) > mostCalls {
				t.Errorf("%d calls, in excess: %t", len(got.Kernel), got.Excess)
			}
		})
	}
	if code := Scan(program("amd64", []string{"0f05 c3"}), nil); code.Excess {
		t.Error("a system call is too much")
	}
}

// TestTurns: a number that is passed on by more functions than any program has.
func TestTurns(t *testing.T) {
	functions := []string{}
	for range mostTurns + 2 {
		functions = append(functions, "e93b000000") // a jump to the next
	}
	if code := Scan(program("amd64", append(functions, "0f05 c3")), nil); !code.Excess {
		t.Errorf("gates %q", code.Gates)
	}
}
