"""From the verified output to the library, and the source to the originals. The only room that writes into a library."""
