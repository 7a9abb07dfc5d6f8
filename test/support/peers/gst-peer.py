# A WHIP publisher or a WHEP player on GStreamer's webrtcbin, of Debian's packages alone. Tells what happens in lines of
# JSON and ends, with a DELETE, when its standard input does.
# gst-peer.py publish|play URL BEARER CODEC [trickle]

import json
import sys
import threading
import time
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

# What each codec is made and undone with, and its payload type. One slice a frame: openh264dec gives up on several with
# parameter sets between them. Closed groups of pictures: parameter sets are sent with an IDR picture, not with a CRA one.
ENCODERS = {
    "vp8": "vp8enc deadline=1 cpu-used=8 target-bitrate=600000 keyframe-max-dist=60 ! rtpvp8pay picture-id-mode=15-bit",
    "vp9": "vp9enc deadline=1 cpu-used=8 row-mt=true target-bitrate=600000 keyframe-max-dist=60 ! "
    "rtpvp9pay picture-id-mode=15-bit",
    "h264": "x264enc tune=zerolatency sliced-threads=false threads=1 speed-preset=ultrafast bitrate=600 key-int-max=60 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=600 key-int-max=60 "
    "option-string=open-gop=0 ! video/x-h265,profile=main ! "
    "rtph265pay config-interval=-1 aggregate-mode=zero-latency",
}
DECODERS = {
    "VP8": "rtpvp8depay ! vp8dec",
    "VP9": "rtpvp9depay ! vp9dec",
    "H264": "rtph264depay ! h264parse ! openh264dec",
    "H265": "rtph265depay ! h265parse ! video/x-h265,stream-format=byte-stream ! libde265dec",
    "OPUS": "rtpopusdepay ! opusdec",
}
PAYLOAD_TYPES = {"vp8": 96, "vp9": 98, "h264": 102, "h265": 104}
H264_FORMAT = ",packetization-mode=(string)1,profile-level-id=(string)42e01f"


TELLING = threading.Lock()


def tell(event, **values):
    # Frames come in threads of their own.
    with TELLING:
        print(json.dumps({"event": event, **values}), flush=True)


def request(method, url, bearer, body=None, headers=None):
    data = None if body is None else body.encode()
    sent = {"Authorization": f"Bearer {bearer}", **(headers or {})}
    call = urllib.request.Request(url, data, sent, method=method)
    return urllib.request.urlopen(call, timeout=15)


class Peer:
    def __init__(self, url, bearer, codec, trickle):
        self.url, self.bearer, self.codec, self.trickle = url, bearer, codec, trickle
        self.location = None
        self.etag = None
        self.posted = False
        self.candidates = []
        self.loop = GLib.MainLoop()
        self.pipeline = None
        self.webrtc = None

    def watch(self, webrtc):
        self.webrtc = webrtc
        webrtc.connect("notify::ice-gathering-state", self.on_gathering)
        webrtc.connect("notify::connection-state", self.on_connection)
        webrtc.connect("on-ice-candidate", self.on_candidate)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def on_error(self, _bus, message):
        tell("error", text=str(message.parse_error()))
        self.loop.quit()

    def on_connection(self, *_):
        tell("connection", state=self.webrtc.get_property("connection-state").value_nick)

    def on_candidate(self, _element, index, candidate):
        if index == 0:
            self.candidates.append(candidate)

    def offer(self, *_):
        promise = Gst.Promise.new_with_change_func(self.on_offer, None, None)
        self.webrtc.emit("create-offer", None, promise)

    def on_offer(self, promise, *_):
        promise.wait()
        # Kept in a variable: what belongs to a temporary is freed with it.
        reply = promise.get_reply()
        description = reply.get_value("offer")
        self.webrtc.emit("set-local-description", description, Gst.Promise.new())
        if self.trickle:
            text = description.sdp.as_text()
            GLib.idle_add(lambda: self.post(text))

    def on_gathering(self, *_):
        state = self.webrtc.get_property("ice-gathering-state")
        if state != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        if self.trickle:
            GLib.idle_add(self.patch)
        else:
            GLib.idle_add(lambda: self.post(self.webrtc.get_property("local-description").sdp.as_text()))

    def post(self, offer):
        if self.posted:
            return False
        self.posted = True
        try:
            reply = request("POST", self.url, self.bearer, offer, {"Content-Type": "application/sdp"})
        except urllib.error.HTTPError as error:
            tell("refused", status=error.code, body=error.read().decode(), offer=offer)
            self.loop.quit()
            return False
        answer = reply.read().decode()
        self.location = urllib.parse.urljoin(self.url, reply.headers["Location"])
        self.etag = reply.headers["ETag"]
        tell("answered", status=reply.status, links=reply.headers.get_all("Link") or [], answer=answer)
        _, message = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(answer.encode(), message)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())
        return False

    def patch(self):
        if self.location is None:
            return True
        # The first one holds for the whole BUNDLE group.
        sdp = self.webrtc.get_property("local-description").sdp
        media = sdp.get_media(0)
        lines = [
            f"a=ice-ufrag:{media.get_attribute_val('ice-ufrag')}",
            f"a=ice-pwd:{media.get_attribute_val('ice-pwd')}",
            "m=audio 9 RTP/AVP 0",
            f"a=mid:{media.get_attribute_val('mid')}",
            *(f"a={candidate}" for candidate in self.candidates),
            "a=end-of-candidates",
        ]
        headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": self.etag}
        body = "".join(f"{line}\r\n" for line in lines)
        reply = request("PATCH", self.location, self.bearer, body, headers)
        tell("trickled", status=reply.status, candidates=len(self.candidates))
        return False

    def run(self):
        threading.Thread(target=self.wait_for_end, daemon=True).start()
        self.pipeline.set_state(Gst.State.PLAYING)
        try:
            self.loop.run()
        finally:
            if self.location is not None:
                self.delete()
            self.pipeline.set_state(Gst.State.NULL)
            tell("ended")

    def delete(self):
        try:
            tell("deleted", status=request("DELETE", self.location, self.bearer).status)
        except urllib.error.HTTPError as error:
            tell("deleted", status=error.code)

    def wait_for_end(self):
        sys.stdin.read()
        GLib.idle_add(self.loop.quit)


class Publisher(Peer):
    def start(self):
        name, number = self.codec.upper(), PAYLOAD_TYPES[self.codec]
        self.pipeline = Gst.parse_launch(
            "webrtcbin name=webrtc bundle-policy=max-bundle "
            "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=30/1,format=I420 ! queue ! "
            f"{ENCODERS[self.codec]} mtu=1200 ! "
            f"application/x-rtp,media=video,encoding-name={name},payload={number},clock-rate=90000 ! webrtc. "
            "audiotestsrc is-live=true ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! "
            "opusenc ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! webrtc."
        )
        self.watch(self.pipeline.get_by_name("webrtc"))
        for index in range(2):
            transceiver = self.webrtc.emit("get-transceiver", index)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        self.webrtc.connect("on-negotiation-needed", self.offer)
        self.run()


class Player(Peer):
    def start(self):
        self.frames = {"video": 0, "audio": 0}
        self.pipeline = Gst.Pipeline.new("player")
        webrtc = Gst.ElementFactory.make("webrtcbin", "webrtc")
        webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(webrtc)
        self.watch(webrtc)
        receive = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        name, number = self.codec.upper(), PAYLOAD_TYPES[self.codec]
        video = (
            f"application/x-rtp,media=video,encoding-name={name},payload={number},clock-rate=90000,"
            "rtcp-fb-nack-pli=(boolean)true,rtcp-fb-nack=(boolean)true" + (H264_FORMAT if name == "H264" else "")
        )
        audio = "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2"
        self.transceivers = [webrtc.emit("add-transceiver", receive, Gst.Caps.from_string(one)) for one in (video, audio)]
        webrtc.connect("pad-added", self.on_pad)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.offer()
        self.run()

    def on_pad(self, _element, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        caps = pad.get_current_caps() or pad.query_caps(None)
        structure = caps.get_structure(0)
        kind, encoding = structure.get_string("media"), structure.get_string("encoding-name")
        chain = f"queue ! {DECODERS[encoding]} ! fakesink name=sink sync=false signal-handoffs=true"
        decoder = Gst.parse_bin_from_description(chain, True)
        decoder.get_by_name("sink").connect("handoff", self.on_frame, kind)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_frame(self, _sink, _buffer, pad, kind):
        self.frames[kind] += 1
        if self.frames[kind] % 15 == 1:
            size = {}
            if kind == "video":
                structure = pad.get_current_caps().get_structure(0)
                size = {"width": structure.get_int("width")[1], "height": structure.get_int("height")[1]}
            tell("frames", kind=kind, count=self.frames[kind], at=time.time(), **size)


def main():
    role, url, bearer, codec = sys.argv[1:5]
    Gst.init(None)
    peer = {"publish": Publisher, "play": Player}[role](url, bearer, codec, "trickle" in sys.argv[5:])
    peer.start()


main()
