// func open() int
TEXT ·open(SB), 4, $0-8
	MOVD $2, R0
	MOVD $1, R1
	MOVD $0, R2
	MOVD $198, R8
	SVC
	MOVD R0, ret+0(FP)
	RET
