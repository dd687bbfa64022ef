"""How fast the way of a call is, part by part, beside a plain program that does less."""
