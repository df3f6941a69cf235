package keys

// PackChecked is [Operator.Package] with another check of the trusted objects.
func PackChecked(o Operator, r PackRequest, check func() error) (Packed, error) {
	return packer{o.Chain, o.Token, o, check}.pack(r)
}
