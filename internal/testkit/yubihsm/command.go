package yubihsm

import (
	"byok/internal/testkit/yubihsm/wire"
	"crypto/rand"
	"encoding/binary"
)

// call is one command inside a session.
type call struct {
	device *Device
	by     *object // the authentication key
	in     *wire.Reader
	used   [2]uint16 // IDs of the objects used, for the log
}

// command is what a command needs of the authentication key, and what does it.
type command struct {
	needs wire.Capability
	since bool // only with firmware 2.4 and later
	run   func(*call) ([]byte, error)
}

// commands lists what is simulated inside a session. Deleting needs a
// capability for each type, and creating checks what is bestowed besides.
func commands() map[wire.Code]command {
	return map[wire.Code]command{
		wire.Echo:                  {run: (*call).echo},
		wire.GetDeviceInfo:         {run: (*call).deviceInfo},
		wire.CloseSession:          {run: (*call).nothing},
		wire.BlinkDevice:           {run: (*call).blink},
		wire.ResetDevice:           {needs: wire.CanResetDevice, run: (*call).reset},
		wire.GetStorageInfo:        {run: (*call).storageInfo},
		wire.GetPseudoRandom:       {needs: wire.CanGetPseudoRandom, run: (*call).random},
		wire.ListObjects:           {run: (*call).list},
		wire.GetObjectInfo:         {run: (*call).objectInfo},
		wire.GetPublicKey:          {run: (*call).publicKey},
		wire.DeleteObject:          {run: (*call).remove},
		wire.PutOpaque:             {needs: wire.CanPutOpaque, run: (*call).putOpaque},
		wire.GetOpaque:             {needs: wire.CanGetOpaque, run: (*call).getOpaque},
		wire.GetLogEntries:         {needs: wire.CanGetLogEntries, run: (*call).logEntries},
		wire.SetLogIndex:           {needs: wire.CanGetLogEntries, run: (*call).setLogIndex},
		wire.PutAuthenticationKey:  {needs: wire.CanPutAuthenticationKey, run: (*call).putAuthentication},
		wire.ChangeAuthentication:  {needs: wire.CanChangeAuthenticationKey, run: (*call).changeAuthentication},
		wire.GenerateAsymmetricKey: {needs: wire.CanGenerateAsymmetricKey, run: (*call).generateAsymmetric},
		wire.PutAsymmetricKey:      {needs: wire.CanPutAsymmetricKey, run: (*call).putAsymmetric},
		wire.SignPKCS1:             {needs: wire.CanSignPKCS, run: (*call).signPKCS1},
		wire.SignPSS:               {needs: wire.CanSignPSS, run: (*call).signPSS},
		wire.SignECDSA:             {needs: wire.CanSignECDSA, run: (*call).signECDSA},
		wire.DeriveECDH:            {needs: wire.CanDeriveECDH, run: (*call).deriveECDH},
		wire.DecryptPKCS1:          {needs: wire.CanDecryptPKCS, run: (*call).decryptPKCS1},
		wire.DecryptOAEP:           {needs: wire.CanDecryptOAEP, run: (*call).decryptOAEP},
		wire.GenerateSymmetricKey:  {needs: wire.CanGenerateSymmetricKey, run: (*call).generateSymmetric},
		wire.PutSymmetricKey:       {needs: wire.CanPutSymmetricKey, run: (*call).putSymmetric},
		wire.EncryptECB:            {needs: wire.CanEncryptECB, run: ecb(wire.CanEncryptECB)},
		wire.DecryptECB:            {needs: wire.CanDecryptECB, run: ecb(wire.CanDecryptECB)},
		wire.EncryptCBC:            {needs: wire.CanEncryptCBC, run: cbc(wire.CanEncryptCBC)},
		wire.DecryptCBC:            {needs: wire.CanDecryptCBC, run: cbc(wire.CanDecryptCBC)},
		wire.GenerateWrapKey:       {needs: wire.CanGenerateWrapKey, run: (*call).generateWrapKey},
		wire.PutWrapKey:            {needs: wire.CanPutWrapKey, run: (*call).putWrapKey},
		wire.PutPublicWrapKey:      {needs: wire.CanPutPublicWrapKey, since: true, run: (*call).putPublicWrapKey},
		wire.ExportWrapped:         {needs: wire.CanExportWrapped, run: (*call).exportWrapped},
		wire.ImportWrapped:         {needs: wire.CanImportWrapped, run: (*call).importWrapped},
		wire.GetRSAWrappedKey:      {needs: wire.CanExportWrapped, since: true, run: (*call).getRSAWrapped},
		wire.PutRSAWrappedKey:      {needs: wire.CanImportWrapped, since: true, run: (*call).putRSAWrapped},
		wire.ExportRSAWrapped:      {needs: wire.CanExportWrapped, since: true, run: (*call).exportRSAWrapped},
		wire.ImportRSAWrapped:      {needs: wire.CanImportWrapped, since: true, run: (*call).importRSAWrapped},
	}
}

// perform does a command and writes it into the log.
func (d *Device) perform(s *session, m wire.Message) wire.Message {
	c := &call{device: d, by: &s.key, in: wire.NewReader(m.Data)}
	out, err := c.run(m.Code)
	answer := wire.Message{Code: m.Code | wire.Answered, Data: out}
	if err != nil {
		answer = wire.Refusal(statusOf(err))
	}
	d.log.add(entry{
		command: m.Code,
		length:  uint16(len(m.Data)),
		key:     s.key.id,
		objects: c.used,
		result:  answer.Code,
	})
	return answer
}

func (c *call) run(code wire.Code) ([]byte, error) {
	todo, known := commands()[code]
	if !known || todo.since && !c.device.wrapsRSA() {
		return nil, wire.InvalidCommand
	}
	if !todo.needs.Within(c.by.capabilities) {
		return nil, wire.InsufficientPermissions
	}
	return todo.run(c)
}

// object finds what the session may see and notes it for the log.
func (c *call) object(kind Type, id uint16) (*object, error) {
	c.used = [2]uint16{id, c.used[0]}
	return c.device.store.find(kind, id, c.by.domains)
}

// usable finds an object that has a capability itself.
func (c *call) usable(kind Type, id uint16, needs wire.Capability) (*object, error) {
	o, err := c.object(kind, id)
	if err != nil {
		return nil, err
	}
	if !needs.Within(o.capabilities) {
		return nil, wire.InsufficientPermissions
	}
	return o, nil
}

func (c *call) echo() ([]byte, error)       { return c.in.Rest(), nil }
func (c *call) nothing() ([]byte, error)    { return nil, c.in.Done() }
func (c *call) deviceInfo() ([]byte, error) { return c.device.info(c.in.Rest()), nil }

func (c *call) blink() ([]byte, error) {
	c.in.Byte() // seconds
	return nil, c.in.Done()
}

func (c *call) reset() ([]byte, error) {
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	c.device.reset()
	return nil, nil
}

// storageInfo counts objects, and pages of 126 bytes.
func (c *call) storageInfo() ([]byte, error) {
	const pages, pageSize = 1024, 126
	used := 0
	for _, o := range c.device.store.objects {
		used += (o.size() + pageSize - 1) / pageSize
	}
	var out []byte
	for _, n := range []int{maxObjects, maxObjects - len(c.device.store.objects), pages, pages - used, pageSize} {
		out = binary.BigEndian.AppendUint16(out, uint16(n))
	}
	return out, c.in.Done()
}

func (c *call) random() ([]byte, error) {
	n := int(c.in.Uint16())
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	if n > wire.MaxMessage-256 {
		return nil, wire.WrongLength
	}
	out := make([]byte, n)
	_, err := rand.Read(out)
	return out, err
}
