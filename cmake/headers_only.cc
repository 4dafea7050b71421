// A program that exists for its precompiled headers alone; it is never linked.
