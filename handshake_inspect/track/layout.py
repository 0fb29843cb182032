"""How NumPy reads the rows of `table.pxd`: PEP 3118's spelling of the structs."""

FLOW = (
    "T{Q:bytes:I:segments:I:isn:I:next:I:in_order:I:acked:I:fin:I:window:H:syns:H:syn_acks:H:fins:H:mss:H:flags:"
    "B:window_scale:B:options:}"
)
CONNECTION = (
    f"T{{(2)Q:high:(2)Q:low:(2){FLOW}:flow:q:first_time_ns:q:last_time_ns:Q:first_frame:Q:last_frame:(2)Q:history:"
    "Q:findings:I:older:I:newer:I:first_evidence:I:last_evidence:I:rare:I:number:(2)H:port:(2)H:letters:H:incarnation:H:evidence:"
    "B:family:B:flags:B:completeness:B:opener:B:first_sender:B:opening:B:closing:"
    "B:closed_first:B:client:(2)B:state:B:severity:}"
)
EVIDENCE = "T{q:time_ns:I:seq:I:ack:I:frame:I:next:H:window:H:length:H:bits:B:marks:x}"
