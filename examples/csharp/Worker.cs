// A worker in C#, for Mono and for .NET on Linux: threads, and a few functions of the C library.
//
// It shows what docs/protocol.rst asks of a worker that has the fast lane in records, serves
// sockets again, drains, and registers anew after a restart of the service. What it serves is an
// echo: every message of a net.tcp client comes back as it went.
//
//     mcs -out:worker.exe Worker.cs
//     mono worker.exe [-s] [-n CLIENTS] net.tcp://+:8808/echo
//
// -s shares the address with other workers that say so, too; -n is how many clients it takes.
// Started by the service it serves what it was started for, and ends when the service does. It
// leaves SIGTERM as it is: a service sends that after it was told that nothing is left.

using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

// The C library, for what the runtimes' sockets cannot do: descriptors that travel, and
// connections with O_NONBLOCK, which belongs to all who have them. Numbers are Linux's.
static class Posix
{
    const int AF_UNIX = 1, SOCK_STREAM = 1, SOL_SOCKET = 1, SO_PEERCRED = 17, SCM_RIGHTS = 1;
    const int MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
    const int MSG_CMSG_CLOEXEC = 0x40000000, F_SETFD = 2, FD_CLOEXEC = 1, SHUT_WR = 1;
    const int EINTR = 4, EAGAIN = 11, ECONNRESET = 104, ETOOMANYREFS = 109;
    public const short POLLIN = 1, POLLOUT = 4;

    [StructLayout(LayoutKind.Sequential)]
    struct IoVec { public IntPtr Start, Size; }

    [StructLayout(LayoutKind.Sequential)]
    struct MsgHdr
    {
        public IntPtr Name; public uint NameSize;
        public IntPtr Parts, Count;
        public IntPtr Control, ControlSize; public int Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct PollFd { public int Fd; public short Events, Came; }

    [DllImport("libc", SetLastError = true)]
    static extern int socket(int family, int kind, int protocol);
    [DllImport("libc", SetLastError = true)]
    static extern int connect(int fd, byte[] address, uint size);
    [DllImport("libc", SetLastError = true)]
    static extern int getsockopt(int fd, int level, int name, int[] value, ref int size);
    [DllImport("libc", SetLastError = true)]
    static extern int getpeername(int fd, byte[] address, ref int size);
    [DllImport("libc", SetLastError = true)]
    static extern int fcntl(int fd, int what, IntPtr value);
    [DllImport("libc", SetLastError = true)]
    static extern int poll([In, Out] PollFd[] fds, UIntPtr count, int milliseconds);
    [DllImport("libc", SetLastError = true)]
    static extern IntPtr recvmsg(int fd, ref MsgHdr message, int flags);
    [DllImport("libc", SetLastError = true)]
    static extern IntPtr sendmsg(int fd, ref MsgHdr message, int flags);
    [DllImport("libc", SetLastError = true)]
    static extern int shutdown(int fd, int how);
    [DllImport("libc")]
    public static extern uint geteuid();
    [DllImport("libc")]
    public static extern int close(int fd);

    // Wait until a descriptor is ready; false when the time is over.
    public static bool Wait(PollFd[] fds, int milliseconds)
    {
        int ready;
        do
            ready = poll(fds, (UIntPtr)fds.Length, milliseconds);
        while (ready < 0 && Marshal.GetLastWin32Error() == EINTR);
        return ready > 0;
    }

    public static bool Wait(int fd, short what, int milliseconds)
    {
        return Wait(new[] { new PollFd { Fd = fd, Events = what } }, milliseconds);
    }

    public static void CloseOnExec(int fd)
    {
        fcntl(fd, F_SETFD, (IntPtr)FD_CLOEXEC);
    }

    // A connection to a UNIX socket, or -1.
    public static int Connect(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path), address = new byte[name.Length + 3];
        BitConverter.GetBytes((ushort)AF_UNIX).CopyTo(address, 0);
        name.CopyTo(address, 2);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd >= 0 && connect(fd, address, (uint)address.Length) < 0) {
            close(fd);
            return -1;
        }
        CloseOnExec(fd);
        return fd;
    }

    // The user at the other end of a UNIX socket.
    public static uint PeerUser(int fd)
    {
        var credentials = new int[3];
        int size = 12;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, ref size) < 0)
            throw new IOException("the kernel does not say who is at the other end");
        return (uint)credentials[1];
    }

    public static bool HasPeer(int fd)
    {
        int size = 128;
        return getpeername(fd, new byte[size], ref size) == 0;
    }

    // Our half is over; what is still read is lost. For a connection that has been refused.
    public static void FinishWriting(int fd)
    {
        shutdown(fd, SHUT_WR);
    }

    // Read what is there: how many bytes, 0 at the end, -1 when there is nothing now.
    public static int Receive(int fd, byte[] data, List<int> descriptors)
    {
        bool again = true;
        while (true) {
            int flags;
            int size = Message(true, fd, data, 0, data.Length, descriptors, out flags);
            if (size >= 0) {
                if ((flags & (MSG_CTRUNC | MSG_TRUNC)) == 0)
                    return size;
                foreach (int one in descriptors)
                    close(one);
                throw new IOException("there are no descriptors left");
            }
            if (size == -EAGAIN)
                return -1;
            if (size == -ECONNRESET && again)
                again = false; // a service that has died; what it had sent comes after that
            else if (size != -EINTR)
                throw new IOException("the connection is broken");
        }
    }

    // Send all bytes, and with the first of them a descriptor unless it is -1.
    public static void Send(int fd, byte[] data, int count, int descriptor, int milliseconds)
    {
        var descriptors = new List<int>();
        if (descriptor >= 0)
            descriptors.Add(descriptor);
        for (int at = 0; at < count;) {
            int flags;
            int size = Message(false, fd, data, at, count - at, descriptors, out flags);
            if (size >= 0) {
                at += size;
                descriptors.Clear();
            } else if (size == -ETOOMANYREFS) {
                Thread.Sleep(10); // too many descriptors of this user are under way
            } else if (size == -EAGAIN) {
                if (!Wait(fd, POLLOUT, milliseconds))
                    throw new IOException("nothing is read at the other end");
            } else if (size != -EINTR) {
                throw new IOException("the connection is broken");
            }
        }
    }

    // recvmsg or sendmsg, with room for 64 descriptors: how many bytes, or an error below 0.
    static int Message(
        bool receive, int fd, byte[] data, int at, int count, List<int> descriptors, out int flags)
    {
        int word = IntPtr.Size, head = word + 8, room = head + 64 * 4;
        IntPtr control = Marshal.AllocHGlobal(room), part = Marshal.AllocHGlobal(2 * word);
        GCHandle pinned = GCHandle.Alloc(data, GCHandleType.Pinned);
        try {
            var vector = new IoVec {
                Start = new IntPtr(pinned.AddrOfPinnedObject().ToInt64() + at),
                Size = (IntPtr)count
            };
            Marshal.StructureToPtr(vector, part, false);
            var message = new MsgHdr { Parts = part, Count = (IntPtr)1 };
            if (receive) {
                message.Control = control;
                message.ControlSize = (IntPtr)room;
            } else if (descriptors.Count > 0) {
                Marshal.WriteIntPtr(control, (IntPtr)(head + 4 * descriptors.Count));
                Marshal.WriteInt32(control, word, SOL_SOCKET);
                Marshal.WriteInt32(control, word + 4, SCM_RIGHTS);
                for (int one = 0; one < descriptors.Count; one++)
                    Marshal.WriteInt32(control, head + 4 * one, descriptors[one]);
                message.Control = control;
                int size = head + 4 * descriptors.Count;
                message.ControlSize = (IntPtr)((size + word - 1) / word * word);
            }
            int options = MSG_DONTWAIT | (receive ? MSG_CMSG_CLOEXEC : MSG_NOSIGNAL);
            int done = (int)(receive
                ? recvmsg(fd, ref message, options) : sendmsg(fd, ref message, options));
            int error = Marshal.GetLastWin32Error();
            if (receive && done >= 0 && message.ControlSize.ToInt64() >= head) {
                int end = (int)Marshal.ReadIntPtr(control);
                for (int where = head; where < end; where += 4)
                    descriptors.Add(Marshal.ReadInt32(control, where));
            }
            flags = message.Flags;
            return done >= 0 ? done : -error;
        } finally {
            pinned.Free();
            Marshal.FreeHGlobal(control);
            Marshal.FreeHGlobal(part);
        }
    }
}

// Boxes, and the descriptors that come with them.
class Link
{
    public readonly int Fd;
    public readonly Queue<int> Arrived = new Queue<int>();
    readonly List<byte> received = new List<byte>();
    readonly object sending = new object();

    public Link(int fd)
    {
        Fd = fd;
    }

    // Send a box: keys and values in turn.
    public void Send(params string[] parts)
    {
        var box = new MemoryStream();
        foreach (string part in parts) {
            byte[] text = Encoding.UTF8.GetBytes(part);
            box.WriteByte((byte)(text.Length >> 8));
            box.WriteByte((byte)text.Length);
            box.Write(text, 0, text.Length);
        }
        box.Write(new byte[2], 0, 2);
        lock (sending)
            Posix.Send(Fd, box.ToArray(), (int)box.Length, -1, 10000);
    }

    // Read what is there, as boxes; EndOfStreamException when the service is gone.
    public IEnumerable<Dictionary<string, string>> Receive()
    {
        var data = new byte[65536];
        var descriptors = new List<int>();
        int size = Posix.Receive(Fd, data, descriptors);
        foreach (int one in descriptors)
            Arrived.Enqueue(one);
        if (size == 0)
            throw new EndOfStreamException();
        for (int at = 0; at < size; at++)
            received.Add(data[at]);
        int end;
        Dictionary<string, string> box;
        while ((end = Parse(out box)) > 0) {
            received.RemoveRange(0, end);
            yield return box;
        }
    }

    // A box and where it ends; 0: it is not whole yet.
    int Parse(out Dictionary<string, string> box)
    {
        box = new Dictionary<string, string>();
        string key = null;
        for (int at = 0; at + 2 <= received.Count;) {
            int size = received[at] << 8 | received[at + 1];
            at += 2;
            if (key == null && size == 0)
                return at;
            if (key == null && size > 255)
                throw new IOException("the service does not speak AMP");
            if (at + size > received.Count)
                break;
            string text = Encoding.UTF8.GetString(received.GetRange(at, size).ToArray());
            at += size;
            if (key == null) {
                key = text;
            } else {
                box[key] = text;
                key = null;
            }
        }
        return 0;
    }
}

// Ends a conversation; with a fault, unless that is empty.
class Refused : Exception
{
    public Refused(string fault) : base(fault) {}
}

// One connection that the service gave to us, served by a thread of its own.
class Client
{
    const string Faults = "http://schemas.microsoft.com/ws/2006/05/framing/faults/";
    const int MaxMessage = 65536;       // WCF's MaxReceivedMessageSize
    const int Idle = 120000;            // milliseconds; WCF's IdleTimeout
    const int Goodbye = 10000;          // for reading why a client was refused

    readonly Worker worker;
    readonly int fd, epoch;
    readonly byte[] more = new byte[16384];
    byte[] data;                        // from `start` to `end`; those before `at` are dealt with
    int start, at, end;
    string via;

    public Client(Worker worker, int fd, byte[] read, int epoch)
    {
        this.worker = worker;
        this.fd = fd;
        this.epoch = epoch;
        data = read;
        end = read.Length;
    }

    public void Run()
    {
        try {
            while (Session()) {}
        } catch (Refused refused) {
            Tell(refused.Message);
        } catch (IOException) {
            // the client has left: closing is the answer
        } finally {
            Posix.close(fd);
            worker.Left();
        }
    }

    // A preamble, the messages behind it, and End; false when the socket is no longer ours.
    bool Session()
    {
        start = at; // a preamble is given back from its start
        if (Byte() != 0)
            throw new Refused("");
        if (Byte() != 1)
            throw new Refused("UnsupportedVersion");
        Byte(); // the minor version means nothing
        if (Byte() != 1)
            throw new Refused("");
        if (Byte() != 2)
            throw new Refused("UnsupportedMode");
        if (Byte() != 2)
            throw new Refused("");
        string asked = Text(2048, "ViaTooLong");
        if (via == null)
            via = asked;
        else if (asked != via || !worker.IsMine(epoch)) {
            var preamble = new byte[end - start];
            Array.Copy(data, start, preamble, 0, preamble.Length);
            worker.GiveBack(fd, preamble);
            return false;
        }
        int encoding = Byte();
        if (encoding == 4)
            Text(256, "ContentTypeTooLong"); // an echo takes any
        else if (encoding == 3)
            Byte();
        else
            throw new Refused("");
        int last = Byte();
        if (last != 0x0c)
            throw new Refused(last == 0x09 ? "UpgradeInvalid" : "");
        Write(new byte[] { 0x0b }, 0, 1);
        int record;
        for (start = at; (record = Byte()) == 6; start = at) {
            Take(Size(MaxMessage, "MaxMessageSizeExceededFault"));
            Write(data, start, at - start);
        }
        if (record != 7)
            throw new Refused("");
        Write(new byte[] { 7 }, 0, 1); // End for End; the client may use the socket again
        return true;
    }

    // Say what is wrong. Closing at once would throw away what the client has not read yet.
    void Tell(string fault)
    {
        try {
            if (fault != "") {
                byte[] uri = Encoding.ASCII.GetBytes(Faults + fault);
                Write(new byte[] { 8, (byte)uri.Length }, 0, 2);
                Write(uri, 0, uri.Length);
            }
            Posix.FinishWriting(fd);
            DateTime late = DateTime.UtcNow.AddMilliseconds(Goodbye);
            while (Posix.Wait(fd, Posix.POLLIN, Goodbye) && DateTime.UtcNow < late
                   && Posix.Receive(fd, more, new List<int>()) != 0) {}
        } catch (IOException) {
            // it does not want to know
        }
    }

    // Have so many bytes more; where they begin.
    int Take(int count)
    {
        while (end - at < count) {
            if (start > 0) {
                Array.Copy(data, start, data, 0, end - start);
                at -= start;
                end -= start;
                start = 0;
            }
            if (!Posix.Wait(fd, Posix.POLLIN, Idle))
                throw new IOException("nothing comes");
            int size = Posix.Receive(fd, more, new List<int>());
            if (size == 0)
                throw new IOException("the client has left");
            if (size < 0)
                continue;
            if (end + size > data.Length)
                Array.Resize(ref data, 2 * (end + size));
            Array.Copy(more, 0, data, end, size);
            end += size;
        }
        at += count;
        return at - count;
    }

    int Byte()
    {
        int where = Take(1); // which may replace data
        return data[where];
    }

    int Size(int limit, string fault)
    {
        long size = 0;
        for (int shift = 0; shift < 35; shift += 7) {
            int one = Byte();
            size |= (long)(one & 0x7f) << shift;
            if (one < 0x80) {
                if (size > limit)
                    throw new Refused(fault);
                return (int)size;
            }
        }
        throw new Refused(fault);
    }

    string Text(int limit, string fault)
    {
        int size = Size(limit, fault);
        int where = Take(size);
        return Encoding.UTF8.GetString(data, where, size);
    }

    void Write(byte[] bytes, int from, int count)
    {
        if (from > 0) {
            var part = new byte[count];
            Array.Copy(bytes, from, part, 0, count);
            bytes = part;
        }
        Posix.Send(fd, bytes, count, -1, Idle);
    }
}

// One registered address.
class Worker
{
    readonly string address;
    readonly bool shared;
    readonly int most;
    readonly Random random = new Random();
    bool inherited, registeredOnce;

    readonly object state = new object();  // guards all that follows
    readonly object laneOrder = new object();
    Link link;
    int lane = -1;
    int clients, epoch;
    bool draining;
    DateTime deadline = DateTime.MaxValue;
    string registered;

    Worker(string address, bool shared, int most)
    {
        this.address = address;
        this.shared = shared;
        this.most = most;
    }

    public static int Main(string[] arguments)
    {
        bool shared = false;
        int most = 500;
        string address = null;
        for (int at = 0; at < arguments.Length; at++)
            if (arguments[at] == "-s")
                shared = true;
            else if (arguments[at] == "-n" && at + 1 < arguments.Length)
                most = int.Parse(arguments[++at]);
            else
                address = arguments[at];
        if (address == null) {
            Console.Error.WriteLine("usage: worker.exe [-s] [-n CLIENTS] net.tcp://HOST:PORT/PATH");
            return 2;
        }
        var worker = new Worker(address, shared, most);
        string why = worker.Serve();
        if (why != null)
            Console.Error.WriteLine(why);
        worker.WaitForClients();
        return why == null ? 0 : 1;
    }

    // Serve until there is no more to do; why not, if something is wrong.
    string Serve()
    {
        for (int failures = 0;; failures++) {
            try {
                int fd = FindLink();
                if (fd >= 0) {
                    link = new Link(fd);
                    failures = 0;
                    string why = ServeLink();
                    if (why != null)
                        return why == "" ? null : why;
                }
            } catch (IOException) {
                // the link is gone
            } finally {
                EndLink();
            }
            if (inherited)
                return null;
            if (!registeredOnce)
                return "no service answers at " + ControlPath();
            int wait = failures < 5 ? 20 << failures : 400;
            Thread.Sleep(wait / 2 + random.Next(wait / 2));
        }
    }

    static string ControlPath()
    {
        string path = Environment.GetEnvironmentVariable("NETSHARE_CONTROL");
        if (!string.IsNullOrEmpty(path))
            return path;
        string runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        path = (runtime ?? "") + "/netshare/control";
        return !string.IsNullOrEmpty(runtime) && File.Exists(path) ? path : "/run/netshare/control";
    }

    int FindLink()
    {
        string number = Environment.GetEnvironmentVariable("NETSHARE_LINK");
        if (number != null) {
            inherited = true;
            Environment.SetEnvironmentVariable("NETSHARE_LINK", null);
            Posix.CloseOnExec(int.Parse(number));
            return int.Parse(number);
        }
        int fd = Posix.Connect(ControlPath());
        if (fd >= 0) {
            uint user = Posix.PeerUser(fd);
            if (user != 0 && user != Posix.geteuid() && user != NetshareUser()) {
                Console.Error.WriteLine(ControlPath() + " belongs to user " + user
                    + ", who may not be the service");
                Environment.Exit(1);
            }
        }
        return fd;
    }

    static uint? NetshareUser()
    {
        foreach (string line in File.ReadLines("/etc/passwd")) {
            string[] fields = line.Split(':');
            if (fields.Length > 2 && fields[0] == "netshare")
                return uint.Parse(fields[2]);
        }
        return null;
    }

    // Listen to a link until it ends: null, or why this worker ends; empty: since it is done.
    string ServeLink()
    {
        var register = new List<string> {
            "_command", "Register", "_ask", "register", "version", "1", "baseAddress", address,
            "lane", "records", "drains", "True"
        };
        if (shared)
            register.AddRange(new[] { "shared", "True" });
        link.Send(register.ToArray());
        bool quiet = false, told = false;
        while (true) {
            if (draining && !told && ((quiet && Clients() == 0) || DateTime.UtcNow >= deadline)) {
                told = true;
                link.Send("_command", "Drained", "_ask", "drained", "baseAddress", registered,
                          "connections", Clients().ToString());
            }
            Posix.Wait(new[] {
                new Posix.PollFd { Fd = link.Fd, Events = Posix.POLLIN },
                new Posix.PollFd { Fd = lane, Events = Posix.POLLIN }
            }, draining ? 20 : 1000);
            quiet = lane >= 0 && ReadLane(false);
            if (!Posix.Wait(link.Fd, Posix.POLLIN, 0))
                continue;
            foreach (var box in link.Receive()) {
                string done = Handle(box);
                if (done != null)
                    return done;
            }
        }
    }

    // What the service says; as of ServeLink.
    string Handle(Dictionary<string, string> box)
    {
        string command, ask, tag, why;
        bool failed = box.TryGetValue("_error", out tag);
        if (failed && box.TryGetValue("_error_description", out why))
            Console.Error.WriteLine(why);
        else
            why = "refused";
        if (failed || box.TryGetValue("_answer", out tag)) {
            if (tag == "register" && failed && !registeredOnce)
                return why;
            if (tag == "register" && failed)
                throw new IOException(why); // another one has it meanwhile: later again
            if (tag == "register")
                return Registered(box["baseAddress"]);
            return tag == "drained" && !inherited ? "" : null;
        }
        if (!box.TryGetValue("_command", out command) || !box.TryGetValue("_ask", out ask))
            return null;
        if (command == "Drain") {
            lock (state) {
                draining = true;
                deadline = DateTime.UtcNow.AddSeconds(int.Parse(box["deadline"]));
            }
            link.Send("_answer", ask);
        } else if (command == "Ping") {
            link.Send("_answer", ask, "connections", Clients().ToString(), "returning", "0");
        } else {
            link.Send("_error", ask, "_error_code", "UNHANDLED",
                      "_error_description", "this worker does not know it");
        }
        return null;
    }

    string Registered(string text)
    {
        if (link.Arrived.Count == 0)
            return "this service has no fast lane to offer";
        lock (state) {
            lane = link.Arrived.Dequeue();
            registered = text;
            registeredOnce = true;
        }
        Console.WriteLine("registered " + text);
        return null;
    }

    // Take what is in the lane; whether it was empty at last.
    bool ReadLane(bool orphaned)
    {
        var data = new byte[131072];
        for (int turn = 0; turn < 64 || orphaned; turn++) {
            var descriptors = new List<int>();
            int size = Posix.Receive(lane, data, descriptors);
            if (size < 0)
                return true;
            if (size == 0 && descriptors.Count == 0)
                throw new EndOfStreamException();
            if (descriptors.Count == 0) {
                lock (state)
                    epoch++; // a RoutesChanged
                continue;
            }
            var read = new byte[size];
            Array.Copy(data, read, size);
            Take(descriptors[0], read, orphaned);
        }
        return false;
    }

    // A connection of the lane: adopt it, or send it back; and answer for it.
    void Take(int fd, byte[] read, bool orphaned)
    {
        if (!Posix.HasPeer(fd)) {
            Posix.close(fd);
            if (!orphaned)
                Answer(0, 1);
        } else if (orphaned || (!draining && Clients() < most)) {
            Adopt(fd, read);
            if (!orphaned)
                Answer(1, 0);
        } else {
            SendBack(fd, read, !draining);
            if (draining)
                Answer(1, 0); // given back counts as adopted; what we are too busy for does not count
        }
    }

    void Adopt(int fd, byte[] read)
    {
        lock (state)
            clients++;
        var client = new Client(this, fd, read, epoch);
        new Thread(client.Run, 262144) { IsBackground = true }.Start();
    }

    void SendBack(int fd, byte[] read, bool busy)
    {
        try {
            lock (laneOrder) {
                if (busy)
                    Posix.Send(lane, new byte[] { 1 }, 1, -1, 10000);
                Posix.Send(lane, read, read.Length, fd, 10000);
            }
            Posix.close(fd);
        } catch (IOException) {
            Adopt(fd, read); // the service is gone, and only we have it
            throw;
        }
    }

    void Answer(int adopted, int gone)
    {
        var answer = new byte[8];
        answer[3] = (byte)adopted;
        answer[7] = (byte)gone;
        lock (laneOrder)
            Posix.Send(lane, answer, 8, -1, 10000);
    }

    // The link is gone: what is in the lane only we can serve.
    void EndLink()
    {
        int ended;
        if (lane >= 0) {
            try {
                ReadLane(true);
            } catch (IOException) {
                // its end
            }
        }
        lock (state) {
            ended = lane;
            lane = -1;
            epoch++; // routes may change and we are not told
        }
        lock (laneOrder)
            if (ended >= 0)
                Posix.close(ended);
        if (link != null)
            Posix.close(link.Fd);
        link = null;
    }

    // Whether a socket that came at that time may be used again for the same via.
    public bool IsMine(int since)
    {
        lock (state)
            return since == epoch && !draining;
    }

    // Send a connection to be routed anew; without a lane it is closed, and the client connects again.
    public void GiveBack(int fd, byte[] preamble)
    {
        lock (laneOrder)
            if (lane >= 0)
                Posix.Send(lane, preamble, preamble.Length, fd, 10000);
    }

    public void Left()
    {
        lock (state) {
            clients--;
            Monitor.PulseAll(state);
        }
    }

    int Clients()
    {
        lock (state)
            return clients;
    }

    // Until the last client has left, or the time for that is over.
    void WaitForClients()
    {
        lock (state)
            while (clients > 0 && DateTime.UtcNow < deadline)
                Monitor.Wait(state, 100);
    }
}
