"""Every change of the register: who, when, why, before and after."""
