// A program that exists for its precompiled headers alone; nobody runs it.
int main() {}
