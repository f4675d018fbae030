"""The units that bitstreams of videos consist of, for all that read them without a decoder."""
