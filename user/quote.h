int quote_main(int argc, char **argv);
