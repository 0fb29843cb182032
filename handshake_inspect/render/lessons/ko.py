"""The lesson in Korean: a sentence for each key of looks/lesson.py.

Both names end in a vowel, so that the particles after them (는, 가, 를, 의) are the same for both; a state is
followed by 상태 and a number by 번, so that no particle depends on how it is read.
"""

NAMES = {"client": "클라이언트", "server": "서버", "nothing": "없음"}
HEADINGS = {"before": "첫 세그먼트 이전", "steps": "한 단계씩", "after": "끝난 뒤", "legend": "상태를 알아낸 방법"}

SENTENCES = {
    "reading":
        "시간은 위에서 아래로 흐르고, 화살표 하나가 세그먼트 하나입니다. 양쪽 세로선 옆에는 그쪽 끝의 상태가 적혀 "
        "있습니다"
        "(RFC 9293 3.3.2절). 캡처에 보이는 것은 상태가 아니라 세그먼트이므로, 상태를 어떻게 알았는지를 기호로 "
        "표시합니다. 괄호 안의 수는 ISN부터 센 상대 번호입니다.",
    # Where an end begins.
    "start CLOSED":
        "{who}는 CLOSED 상태에서 시작합니다. 아직 연결이 없고, 연결을 위해 메모리에 기억하는 것도 없습니다.",
    "start LISTEN":
        "{who}는 LISTEN 상태입니다. 프로그램이 listen()을 호출하고 누군가 접속하기를 기다리고 있으며, 이것을 수동 "
        "열기(passive open)라고 합니다(3.9.1절). 이 상태를 보여 주는 세그먼트는 없으므로 가정한 것입니다.",
    "start ESTABLISHED":
        "캡처가 핸드셰이크 이후에 시작되었으므로 {who}는 ESTABLISHED 상태라고 가정합니다.",
    "start unknown":
        "첫 행 이전에 {who}가 어떤 상태였는지는 알 수 없습니다.",
    # What a segment is for.
    "syn":
        "{who}가 초기 순서 번호(ISN) {seq}번을 담은 SYN을 보냅니다. ISN은 아무도 짐작할 수 없도록 무작위로 정합니다. "
        "짐작할 수 있으면 위조한 데이터를 끼워 넣을 수 있고, 옛 연결의 세그먼트가 새 연결의 것으로 잘못 받아들여질 "
        "수도 있기 때문입니다(3.4.1절, RFC 6528). SYN에는 데이터가 없지만 번호를 하나 차지합니다. 번호가 있어야 확인 "
        "응답을 받을 수 있고, 유실되었을 때 다시 보낼 수 있기 때문입니다. 상대는 ACK = {next}번으로 답해야 합니다.",
    "syn-ack":
        "{who}는 한 세그먼트로 두 가지를 답합니다. 하나는 상대의 SYN 번호에 1을 더한 ACK {ack}번으로, "
        "다음에 받을 번호를 뜻합니다. 다른 하나는 자신의 ISN {seq}번을 담은 SYN입니다. 방향마다 번호가 따로 있으므로 "
        "SYN과 ACK도 방향마다 필요합니다(3.5절).",
    "handshake ack":
        "{who}가 상대의 SYN을 ACK = {ack}번으로 확인합니다. 세 번째 세그먼트가 있어야 서버는 자신의 SYN이 도착했음을 "
        "알 수 있습니다. 그래서 네트워크에서 늦게 도착한 옛 SYN으로는 연결이 열리지 않습니다(3.5절). 데이터가 없는 "
        "ACK는 번호를 차지하지 않습니다.",
    "data":
        "데이터가 오갑니다. 바이트마다 번호가 있고, ACK는 다음에 받을 바이트의 번호를 말하므로 그 앞의 바이트를 모두 "
        "받았다는 뜻입니다. 타이머가 끝날 때까지 확인되지 않은 데이터는 다시 보냅니다. 이것이 재전송을 통한 긍정 확인 "
        "응답(PAR, positive acknowledgment with retransmission)입니다(3.8절).",
    "ack":
        "{who}가 {ack}번 앞의 모든 바이트를 받았다고 확인합니다. 데이터가 없는 ACK는 번호를 차지하지 않으며, 그것에 "
        "대한 확인 응답도 없습니다.",
    "fin":
        "{who}의 프로그램이 close()나 shutdown()을 호출했습니다. FIN은 \"더 보낼 데이터가 없습니다\"라는 뜻입니다. "
        "SYN처럼 번호 하나({taken}번)를 차지하므로, 상대는 {next}번으로 확인할 수 있고 유실되면 다시 보낼 수 "
        "있습니다(3.6절).",
    "second fin":
        "이제 {who}도 닫습니다. 이 FIN은 {taken}번을 차지하므로 확인 응답은 {next}번이어야 합니다.",
    "fin with ack":
        "{who}가 상대의 FIN을 확인하면서 같은 세그먼트로 자신의 FIN도 보냅니다. 이 FIN은 {taken}번을 차지하므로 확인 "
        "응답은 {next}번이어야 합니다.",
    "ack of fin":
        "{who}가 상대의 FIN을 그 번호에 1을 더한 {ack}번으로 확인합니다.",
    "rst":
        "RST는 그런 연결이 없거나 연결을 바로 포기한다는 뜻입니다. RST에는 확인 응답이 없고, RST를 다시 보내지도 "
        "않습니다(3.5.2절).",
    "icmp":
        "라우터나 호스트가 세그먼트를 전달할 수 없다고 ICMP로 알립니다(3.9.2.2절).",
    # What is special about it.
    "syn-again":
        "제때 답이 오지 않아 {who}가 똑같은 SYN을 다시 보냅니다. ISN도 번호도 같습니다. 기다리는 시간은 1초쯤에서 "
        "시작하여 다시 보낼 때마다 두 배로 늘어납니다(RFC 6298). 핸드셰이크에서도 PAR이 동작하는 모습입니다.",
    "syn-ack-again":
        "{who}는 자신의 SYN에 대한 ACK를 받지 못해 같은 SYN-ACK를 다시 보냅니다. 기다리는 시간은 매번 두 배로 "
        "늘어납니다.",
    "fin-again":
        "{who}는 자신의 FIN에 대한 ACK를 받지 못해 같은 번호의 FIN을 다시 보냅니다.",
    "data-again":
        "{who}가 제때 확인되지 않은 바이트를 다시 보냅니다(PAR, 3.8.1절).",
    "wrong-ack":
        "이 ACK는 상대가 보냈을 리 없는 번호를 말합니다. 따라서 아무것도 확인하지 못합니다(3.10.7절).",
    "rst-ignored":
        "이 RST는 수신 윈도 밖에 있습니다. RST는 누구나 위조할 수 있으므로 받는 쪽은 번호가 맞는 RST만 받아들이고, 이 "
        "RST는 무시합니다(3.10.7.4절).",
    "rst-challenged":
        "이 RST는 수신 윈도 안에 있지만 바로 다음 번호가 아닙니다. 받는 쪽은 챌린지 ACK로 답하고 상태를 바꾸지 "
        "않습니다. 진짜 상대라면 맞는 번호로 RST를 다시 보낼 것입니다(RFC 5961).",
    "challenge-ack":
        "{who}가 챌린지 ACK를 보냅니다. \"정말 끊으려면 이 번호로 다시 보내십시오\"라는 뜻입니다(RFC 5961).",
    "rst-not-delivered":
        "받는 쪽이 그대로 통신을 계속하므로 이 RST는 효력이 없었습니다.",
    "rst-forged":
        "보낸 것으로 적힌 쪽이 아무 일 없었다는 듯이 통신을 계속합니다. 이 RST는 다른 누군가가 보낸 것입니다.",
    "data-after-close":
        "이미 닫은 쪽에 데이터가 도착했습니다. 받을 프로그램이 없으므로 RST로 답할 수밖에 없습니다(3.6.1절).",
    "accept-queue-full":
        "ACK가 이곳을 지나갔는데도 SYN-ACK가 다시 옵니다. accept 큐가 가득 찼거나, 이 지점 너머에서 ACK가 "
        "유실되었습니다.",
    "time-wait-again":
        "FIN이 다시 왔으므로 마지막 ACK가 유실된 것입니다. {who}는 다시 답하고, 2MSL을 처음부터 다시 기다립니다. "
        "이것이 TIME_WAIT가 필요한 첫째 이유입니다.",
    # Steps of the state machine.
    "passive OPEN -> LISTEN":
        "{who}가 수동으로 엽니다. CLOSED에서 LISTEN 상태가 됩니다.",
    "snd SYN -> SYN_SENT":
        "{who}가 능동으로 엽니다(active open). 프로그램이 connect()를 호출하여 SYN이 나갔고, {from}에서 SYN_SENT "
        "상태가 "
        "됩니다(3.5절).",
    "delete TCB -> CLOSED":
        "{who}가 연결을 포기합니다. {from}에서 CLOSED 상태가 됩니다.",
    "rcv SYN -> SYN_RECEIVED":
        "SYN이 도착하면 {who}는 {from}에서 SYN_RECEIVED 상태가 됩니다. 상대의 ISN을 기억하고 답을 보냅니다.",
    "SYN_SENT rcv SYN -> SYN_RECEIVED":
        "{who}는 SYN을 보냈는데 SYN-ACK가 아니라 SYN을 받습니다. 양쪽이 동시에 연 것입니다. SYN_SENT에서 "
        "SYN_RECEIVED 상태가 됩니다(3.5절, 그림 7).",
    "rcv SYN,ACK -> ESTABLISHED":
        "{who}는 자신의 SYN이 확인되었고 상대의 ISN도 알았으므로 SYN_SENT에서 ESTABLISHED 상태가 됩니다. connect()가 "
        "반환됩니다.",
    "rcv ACK of SYN -> ESTABLISHED":
        "이 세그먼트가 도착하면 {who}는 자신의 SYN이 받아들여졌음을 알고 {from}에서 ESTABLISHED 상태가 됩니다. "
        "서버라면 accept()가 반환됩니다.",
    "snd FIN -> FIN_WAIT_1":
        "{who}가 먼저 닫습니다(능동 종료, active close). {from}에서 FIN_WAIT_1 상태가 됩니다. 더는 데이터를 보내지 "
        "않지만 받을 수는 있습니다. 연결이 반만 닫힌 것입니다(half-close).",
    "snd FIN -> LAST_ACK":
        "FIN을 보낸 {who}는 CLOSE_WAIT에서 LAST_ACK 상태가 됩니다. 이제 이 FIN에 대한 ACK만 남았습니다.",
    "rcv FIN -> CLOSE_WAIT":
        "FIN이 도착하면 {who}는 {from}에서 CLOSE_WAIT 상태가 됩니다(수동 종료, passive close). 프로그램은 파일의 "
        "끝(EOF)을 읽게 되며, 스스로 close()를 호출할 때까지 계속 보낼 수 있습니다.",
    "rcv FIN -> CLOSING":
        "{who}는 FIN을 보낸 뒤, 그 FIN을 확인하지 않은 상대의 FIN을 받습니다. 두 FIN이 엇갈린 것입니다. "
        "FIN_WAIT_1에서 CLOSING 상태가 됩니다(3.6절, 그림 13).",
    "rcv FIN -> TIME_WAIT":
        "{who}가 상대의 FIN을 받아 양쪽 방향이 모두 닫혔습니다. {from}에서 TIME_WAIT 상태가 되어 2MSL 동안 머뭅니다.",
    "rcv ACK of FIN -> FIN_WAIT_2":
        "{who}의 FIN이 확인되었습니다. FIN_WAIT_1에서 FIN_WAIT_2 상태가 됩니다. 자신의 방향은 닫혔고, 상대가 다른 "
        "방향을 닫기를 기다립니다.",
    "rcv ACK of FIN -> TIME_WAIT":
        "{who}의 FIN이 확인되었고 상대의 FIN은 이미 받았으므로 CLOSING에서 TIME_WAIT 상태가 됩니다.",
    "rcv ACK of FIN -> CLOSED":
        "마지막 ACK가 왔습니다. {who}는 LAST_ACK에서 CLOSED 상태가 되어 연결을 잊습니다. 나중에 닫은 쪽은 기다릴 "
        "필요가 없습니다.",
    "2MSL timeout -> CLOSED":
        "마지막 ACK를 보내고 2MSL이 지나면 이 연결의 세그먼트는 네트워크에 하나도 남아 있지 않습니다. {who}는 "
        "TIME_WAIT에서 CLOSED 상태가 됩니다. 이것을 보여 주는 세그먼트는 없으며, 시각은 계산한 것입니다.",
    "rcv RST -> LISTEN":
        "RST가 반쯤 열린 연결을 끝냅니다. {who}는 SYN_RECEIVED에서 LISTEN 상태로 돌아갑니다(그림 5, 주 1).",
    "rcv RST -> CLOSED":
        "RST가 연결을 바로 끝냅니다. {who}는 {from}에서 CLOSED 상태가 됩니다. 프로그램은 오류(ECONNRESET)를 받으며, "
        "전송 중이던 데이터는 사라집니다.",
    "SYN_SENT rcv RST -> CLOSED":
        "이 RST는 SYN을 확인하므로 그 SYN에 대한 답, 곧 거부입니다. {who}는 SYN_SENT에서 CLOSED 상태가 되고, "
        "connect()는 ECONNREFUSED로 실패합니다(3.10.7.3절).",
    "TIME_WAIT rcv RST -> CLOSED":
        "RST가 TIME_WAIT를 너무 일찍 끝냅니다. 늦게 도착한 세그먼트가 새 연결에 섞일 수 있어 RFC 1337이 경고하는 "
        "일입니다.",
    "snd RST -> CLOSED":
        "{who}가 RST를 보내 연결을 포기합니다. FIN도 TIME_WAIT도 없이 {from}에서 CLOSED 상태가 됩니다.",
    "new SYN on the 4-tuple -> CLOSED":
        "새 연결이 같은 주소와 포트를 쓰므로 {who}의 TIME_WAIT는 여기서 끝납니다. 새 번호가 옛 번호보다 뒤에 있으면 "
        "허용됩니다(3.6.1절).",
    "rcv ICMP error -> CLOSED":
        "{who}는 ICMP 오류를 최종 답으로 받아들입니다. {from}에서 CLOSED 상태가 되고 connect()는 실패합니다.",
    # What other programs show.
    "tcpdump": "tcpdump -n의 출력: {line}",
    "ss":
        "ss -tan의 출력: 클라이언트 {client_ss}, 서버 {server_ss} (netstat -tan: {client_netstat}, {server_netstat})",
    "ss nothing": "ss -tan의 출력: 두 호스트 모두 이 연결의 소켓이 더는 없습니다.",
    # How it opened.
    "opening three-way":
        "연결은 3방향 핸드셰이크(SYN, SYN-ACK, ACK)로 열렸습니다.",
    "opening simultaneous":
        "연결은 동시에 열렸습니다. 두 SYN이 엇갈렸지만 연결은 둘이 아니라 하나가 됩니다(그림 7).",
    "opening split":
        "연결은 나뉜 핸드셰이크(split handshake)로 열렸습니다. 서버가 SYN만 보냈고 클라이언트가 핸드셰이크를 "
        "마쳤습니다.",
    "opening refused":
        "연결이 거부되었습니다. 그 포트에서 기다리는 프로그램이 없거나, 필터가 대신 답한 것입니다.",
    "opening unanswered":
        "아무도 답하지 않았습니다. 필터가 SYN을 버리거나 그런 호스트가 없는 것입니다. 정해진 횟수만큼 시도한 뒤 "
        "connect()는 "
        "ETIMEDOUT으로 실패하지만, 이것을 보여 주는 세그먼트는 없습니다.",
    "opening half-open":
        "서버가 답했지만 확인 응답을 받지 못했습니다. 클라이언트가 사라졌거나 주소가 위조된 것입니다. 이런 연결이 "
        "많으면 "
        "SYN 플러드 공격입니다.",
    "opening reset":
        "핸드셰이크가 RST로 중단되었습니다.",
    "opening mid-stream":
        "캡처가 나중에 시작되었으므로 연결이 어떻게 열렸는지는 알 수 없습니다.",
    "opening failed":
        "핸드셰이크가 끝나지 않았습니다.",
    # How it closed.
    "closing four-way":
        "방향마다 따로 닫으므로 종료에 세그먼트가 네 개 필요했습니다. 한 방향의 FIN과 ACK, 다른 방향의 FIN과 "
        "ACK입니다. 두 "
        "FIN 사이에 상대는 계속 데이터를 보낼 수 있습니다(half-close, 3.6절).",
    "closing three-segment":
        "종료에 세그먼트가 세 개 필요했습니다. 상대도 더 보낼 것이 없어 ACK와 FIN을 하나로 보냈기 때문입니다. "
        "일반적으로는 "
        "방향마다 따로 닫으므로 네 개가 필요합니다(3.6절).",
    "closing simultaneous":
        "양쪽이 동시에 닫았습니다. 서로 상대의 FIN을 모른 채 자신의 FIN을 보냈으므로, 둘 다 CLOSING을 거쳐 둘 다 "
        "TIME_WAIT에서 기다립니다(그림 13).",
    "closing half-closed":
        "한 방향만 닫혔습니다. 다른 쪽은 프로그램이 close()를 호출할 때까지 CLOSE_WAIT에 남습니다. 끝내 호출하지 "
        "않으면 "
        "소켓 누수입니다.",
    "closing reset":
        "연결은 RST로 끝났습니다. FIN 없이 바로 끝나며, TIME_WAIT에 남는 쪽도 없습니다.",
    "closing fin-then-reset":
        "FIN으로 종료가 시작되었지만 끝나기 전에 RST가 연결을 끊었습니다.",
    "closing unacknowledged":
        "FIN에 대한 확인 응답이 오지 않았습니다. 보낸 쪽은 포기할 때까지 기다리며 다시 보냅니다.",
    "closing open":
        "캡처가 끝날 때 연결은 아직 열려 있습니다.",
    "closing none":
        "연결이 열린 적이 없으므로 닫을 것도 없습니다.",
    # TIME_WAIT.
    "time-wait":
        "먼저 닫은 쪽이 2MSL 동안 TIME_WAIT에 머뭅니다. MSL은 세그먼트가 네트워크에서 살아 있을 수 있는 가장 긴 "
        "시간이며, "
        "2MSL은 그 두 배입니다. 첫째, 마지막 ACK가 유실되면 상대의 FIN이 다시 오므로 누군가 답해야 합니다. 둘째, "
        "같은 "
        "주소와 포트를 다시 쓰기 전에 이 연결의 늦은 세그먼트가 모두 사라져야 합니다(3.6.1절).",
    "time-wait reuse":
        "{who}의 TIME_WAIT는 {frame}번 프레임의 새 SYN으로 끝났습니다.",
    "time-wait reset":
        "{who}의 TIME_WAIT는 {frame}번 프레임의 RST로 끝났습니다.",
    "time-wait expired":
        "{who}의 TIME_WAIT는 시간이 다 되어 끝났습니다. 캡처는 2MSL 넘게 이어지지만 더 보이는 것이 없습니다.",
    "time-wait capture-end":
        "캡처가 끝날 때 {who}는 아직 TIME_WAIT 상태입니다. 2MSL이 지날 때까지 ss에 보이며, 그 뒤에는 "
        "아무것도 보내지 않고 CLOSED 상태가 됩니다.",
}  # fmt: skip
