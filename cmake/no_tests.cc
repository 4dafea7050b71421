// The program pannier_test_headers, which exists for its precompiled headers alone.
