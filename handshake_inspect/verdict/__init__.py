"""Connections -> verdicts: the evidence replayed through Figure 5, then each question asked of the replay."""
