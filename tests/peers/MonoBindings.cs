// The bindings by which the Mono programs talk, by name: the client and the server must agree on them.
using System;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Text;

namespace Peers
{
    public static class MonoBindings
    {
        const int Big = 64 * 1024 * 1024;

        public static Binding Make(string kind)
        {
            var quotas = System.Xml.XmlDictionaryReaderQuotas.Max;
            switch (kind)
            {
                case "none": return new NetTcpBinding(SecurityMode.None) { MaxReceivedMessageSize = Big, MaxBufferSize = Big, ReaderQuotas = quotas };
                case "streamed": return new NetTcpBinding(SecurityMode.None) { MaxReceivedMessageSize = 1L << 40, TransferMode = TransferMode.Streamed, ReaderQuotas = quotas };
                case "text": return Text(MessageVersion.Soap12WSAddressing10, Encoding.UTF8);
                case "text16": return Text(MessageVersion.Soap12WSAddressing10, Encoding.Unicode);
                case "text11": return Text(MessageVersion.Soap11WSAddressing10, Encoding.UTF8);
                case "text11-noaddr": return Text(MessageVersion.Soap11, Encoding.UTF8);
                default: throw new ArgumentException("binding: none, streamed, text, text16, text11 or text11-noaddr, not " + kind);
            }
        }

        static Binding Text(MessageVersion version, Encoding encoding)
        {
            return new CustomBinding(new TextMessageEncodingBindingElement(version, encoding),
                new TcpTransportBindingElement { MaxReceivedMessageSize = Big, MaxBufferSize = Big });
        }
    }
}
