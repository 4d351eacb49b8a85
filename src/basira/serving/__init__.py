"""The online service without HTTP: messages enter, recorded decisions and views of the record leave."""
